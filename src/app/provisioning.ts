import { createRepeater } from '../concurrency/repeater.ts';
import type { Configs } from '../config/schema.ts';
import { Provisioner } from '../controller/provisioner.ts';
import type { NodeLifecycle } from '../controller/node-registry.ts';
import { Settling } from '../controller/settling.ts';
import { messageOf } from '../domain/errors.ts';
import type { Fleet } from '../domain/fleet.ts';
import type { Log } from '../log.ts';
import { lvNameFor } from '../lvm/names.ts';
import type { Kubernetes } from './kubernetes.ts';

/** Milliseconds between two looks at what need not be remembered. */
const tidyEvery = 60_000;

/** The provisioner of a controller, with what it must know of nodes that are not connected. */
export function createProvisioning(
  config: Configs['controller'],
  fleet: Fleet,
  nodes: Pick<Kubernetes, 'nodeGone' | 'nodeDeleted' | 'expected'> | undefined,
  log: Log,
) {
  const settling = new Settling({
    time: config.fleet.settle,
    limit: config.fleet.settleLimit,
    expected: nodes?.expected,
    known: (node) => fleet.member(node) !== undefined,
    ticks: () => performance.now(),
  });
  const lifecycle: NodeLifecycle = {
    nodeGone: (node) => nodes?.nodeGone(node) ?? false,
    nodeDeleted: (node) => nodes?.nodeDeleted(node) ?? false,
    // A node that is named may attach at any time; for those that nobody names, all had the time once this has settled.
    awaits: (node) => node !== undefined || !settling.settled(),
  };
  const provisioner = new Provisioner({ fleet, packing: config.placement, lvNameFor, lifecycle });
  const stopping = new AbortController();
  const tidying = createRepeater({
    task: () => provisioner.tidy(stopping.signal),
    every: tidyEvery,
    delay: 0,
    failed: (error) => log.error({ reason: messageOf(error) }, 'memory of nodes and creations could not be tidied'),
  });
  return {
    provisioner,
    settling,
    start() {
      settling.begin();
      tidying.now();
    },
    async stop() {
      stopping.abort();
      await tidying.stop();
    },
  };
}
