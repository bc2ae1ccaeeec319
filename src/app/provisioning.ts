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

/** Milliseconds between two passes that drop outdated entries. */
const tidyEvery = 60_000;

/** The provisioner of a controller, with its knowledge of disconnected nodes. */
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
    // A node whose name is known may connect at any time; all others had time to connect once the controller has settled.
    awaits: (node) => node !== undefined || !settling.settled(),
  };
  const provisioner = new Provisioner({ fleet, packing: config.placement, lvNameFor, lifecycle });
  const stopping = new AbortController();
  const tidying = createRepeater({
    task: () => provisioner.tidy(stopping.signal),
    every: tidyEvery,
    delay: 0,
    failed: (error) =>
      log.error({ reason: messageOf(error) }, 'outdated entries of nodes and creations could not be dropped'),
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
