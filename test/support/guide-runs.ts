import { commands } from '../../src/cli/commands.ts';
import { type GuideCommand, quarryWords } from './guide-commands.ts';

/** A test file below `test`, and the title of the test in it. */
export type Named = readonly [file: string, title: string];

const evacuate: Named = ['lab/evacuate', 'a disk is evacuated through a kill and a power cut'];
const pulled: Named = ['lab/pulled-disk', 'what only a dead disk had is named'];
const pools: Named = ['lab/pools', 'proposes a disk, and takes it after an approval by hand'];
const budget: Named = ['rates/budget', 'calibrate'];
const adopted: Named = ['lab/command-line', 'quarry adopt gives a logical volume of OpenEBS'];
const recovered: Named = ['cluster/recover', 'have all their data after the steps of the guide'];
const roles: Named = ['cluster/chart', 'each controller is ready, and its certificate is the one that nodes verify'];

/** The test that runs each command of quarry with these options, whatever its arguments are. */
export const quarryRuns: Readonly<Record<string, Named>> = {
  status: ['cluster/chart', 'is asked by `kubectl quarry` with the rights of the guide'],
  volumes: ['unit/features/overview/command', 'volumes have the claims that they are bound to'],
  'volumes --namespace': ['unit/features/overview/command', 'volumes have the claims that they are bound to'],
  'volumes -o': ['unit/features/overview/command', 'encrypted volumes and their snapshots are shown'],
  pools: ['unit/features/overview/command', 'pools show what is used, and what is wrong with them'],
  'pools -o': ['unit/cli/program', 'every command that prints rows offers each format'],
  snapshots: ['unit/features/overview/command', 'snapshots have the claim of their volume'],
  orphans: ['unit/features/orphans/command', 'the command shows them in a table'],
  disks: pools,
  jobs: ['unit/features/jobs/command', 'quarry jobs shows each job with its progress and its reason'],
  hung: ['lab/hang', 'gives up on a program on a disk that hangs'],
  doctor: ['lab/command-line', 'quarry doctor finds a missing tool'],
  help: ['unit/plugin/plugin', 'shows its help without words'],
  qos: ['rates/qos-trouble', "quarry('qos')"],
  'nodes drain': ['unit/features/overview/leaving', 'a drain shows the claims whose volumes stay on the node'],
  'nodes forget': ['unit/features/overview/leaving', 'a node that does not come back loses its volumes'],
  'status --watch': ['unit/features/overview/status', 'with --watch, status asks again'],
  dashboard: ['unit/plugin/dashboard', 'dashboard opens a port of loopback'],
  'disks approve': pools,
  'disks approve --all': pools,
  'disks approve --yes': ['unit/plugin/nodes', 'takes the disks that it shows, by name, and no others'],
  'disks evacuate': evacuate,
  'disks evacuate --cancel': evacuate,
  'disks evacuate --dry-run': evacuate,
  'disks evacuate --remove': ['unit/lvm/evacuation', 'and then takes it out of its group'],
  'disks remove': evacuate,
  'disks remove --dry-run': evacuate,
  'disks replace': evacuate,
  'disks replace --dry-run': evacuate,
  'disks give-up': ['unit/lvm/lost-disk', 'without an explicit word nothing is removed'],
  'disks give-up --delete-lost': pulled,
  'disks give-up --dry-run': ['unit/lvm/lost-disk', 'a dry run changes nothing'],
  calibrate: budget,
  check: ['lab/pools', 'lists every problem in quarry check'],
  'check node': ['unit/cli/program', "['check', 'x']"],
  controller: roles,
  node: roles,
  adopt: adopted,
  'adopt --persistent-volume': adopted,
  'doctor --config': ['unit/features/doctor/command', "['doctor', '--config', path]"],
  'doctor -o': ['lab/command-line', 'quarry doctor finds a missing tool'],
  recover: recovered,
  'recover --apply': recovered,
  'recover --claims': recovered,
  'recover --claims --config': ['lab/command-line', 'quarry recover prints the PersistentVolume and the claim'],
};

const names = new Set(commands.map(({ name }) => name));
const placement = new Set(['--node', '--selector']);

/** The key of a command of quarry in the table: its name and its options; undefined for other programs. */
export function quarryKey({ line }: GuideCommand): string | undefined {
  const words = quarryWords(line);
  if (words === undefined) return undefined;
  const start = words.findIndex((word, index) => !word.startsWith('-') && !words[index - 1]?.startsWith('--'));
  const rest = words.slice(Math.max(start, 0));
  const name = [rest.slice(0, 2).join(' '), rest[0] ?? ''].find((each) => names.has(each)) ?? rest[0] ?? '';
  const role = name === 'check' ? rest.slice(1, 2) : [];
  const options = rest.filter((word) => word.startsWith('-') && !placement.has(word)).toSorted();
  return [name, ...role, ...options].join(' ');
}
