import { listing } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';
import type { Named } from './plan.ts';

const rows: Rows<Named> = {
  columns: [
    { heading: 'OUTCOME', cell: ({ outcome }) => outcome },
    { heading: 'CHECK', cell: ({ check }) => check },
    { heading: 'FOUND', cell: ({ found }) => found },
    { heading: 'REMEDY', cell: ({ remedy }) => remedy ?? '' },
  ],
  fields: {
    outcome:
      '`error`: calls fail, or will; `warning`: it works, with a part missing or not for long; `unknown`: it could not be determined; `ok`',
    check: 'name of the check',
    found: 'what was found',
    remedy: 'how to mend it; absent for `ok`',
  },
  none: 'Nothing was checked.',
};

export const doctor = listing({
  name: 'doctor',
  summary: 'Check this machine and the cluster for all that Quarry needs, and say how to mend it',
  details:
    'The configuration says what is needed: of a role with disks, LVM, the kernel, disks and pools; of a node, also its way to the controllers; of a controller, its certificates and rights in Kubernetes. It changes nothing, and needs no running driver.',
  where: 'here',
  rows,
  failsWhen: 'a finding is an `error`',
  examples: [
    { line: 'quarry doctor --config node.yaml', does: 'checks a host before the installation' },
    {
      line: 'kubectl exec -n quarry ds/quarry-node -c quarry -- quarry doctor',
      does: 'checks a node of a cluster',
    },
    {
      line: 'quarry doctor -o json | jq -r \'.items[] | select(.outcome == "error").remedy\'',
      does: 'what to do first',
    },
  ],
  run: async (given, terminal) => (await import('./requests.ts')).runDoctor(given, terminal),
});
