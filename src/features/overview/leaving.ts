import type { Terminal } from '../../cli/command.ts';
import type { Listing } from '../../cli/output.ts';
import type { Bytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import { parseVolumeId } from '../../domain/ids.ts';
import { type FleetCalls, withFleet } from './fleet-calls.ts';

/** A volume of a node that is drained, or that does not come back. */
export interface LeavingRecord {
  readonly namespace?: string | undefined;
  readonly claim?: string | undefined;
  readonly pod?: string | undefined;
  readonly pool?: string | undefined;
  readonly size?: Bytes | undefined;
  readonly id: string;
  readonly outcome: 'stays' | 'ends' | 'lost';
  readonly next?: string | undefined;
}

interface Given {
  readonly config: string;
  readonly node: string;
}

/** What stays on a node when its pods leave it. Throws `not-found` for a node that is not known. */
export async function drainNode({ config, node }: Given, terminal: Terminal): Promise<Listing<LeavingRecord>> {
  return withFleet(config, terminal, async (fleet) => {
    const { volumes } = await ofNode(fleet, node);
    const records = volumes.map((volume) =>
      volume.pod === undefined
        ? record(volume, 'stays', undefined)
        : record(volume, 'ends', 'an inline volume: it is deleted with its pod'),
    );
    const waiting = volumes.filter(({ claim }) => claim !== undefined).length;
    terminal.say(
      `Nothing was changed. Pods with one of ${waiting} claims can run on ${node} only: they wait until it is back.`,
    );
    return { records };
  });
}

/** What is lost if a node never comes back. Throws `not-found` for a node that is not known, `precondition` for one that is connected. */
export async function forgetNode({ config, node }: Given, terminal: Terminal): Promise<Listing<LeavingRecord>> {
  return withFleet(config, terminal, async (fleet) => {
    const { volumes, connected, reported } = await ofNode(fleet, node);
    if (connected) {
      throw new Failure(
        'precondition',
        `node ${node} is connected, and nothing of it is lost: see quarry nodes drain ${node}`,
      );
    }
    if (!reported) terminal.say(`No controller has a report of ${node}: only volumes with claims are listed.`);
    terminal.say(
      `Nothing was changed. Once the Node object is deleted, and \`kubernetes.nodeGone\` is \`forget\`, deleted claims take their PersistentVolumes with them.`,
    );
    return { records: volumes.map((volume) => record(volume, 'lost', remedyFor(volume))) };
  });
}

function record(
  { namespace, claim, pod, pool, size, id }: Found,
  outcome: LeavingRecord['outcome'],
  next: string | undefined,
): LeavingRecord {
  return { namespace, claim, pod, pool, size, id, outcome, next };
}

type Found = Omit<LeavingRecord, 'outcome' | 'next'> & { readonly name?: string | undefined };

function remedyFor({ namespace, claim, pod, name }: Found): string | undefined {
  if (claim !== undefined) return `kubectl delete pvc --namespace ${namespace} ${claim}`;
  // The name is the node's word, and people give these lines to a shell.
  if (pod !== undefined || name === undefined || !/^[a-z0-9][-a-z0-9.]*$/.test(name)) return undefined;
  return `kubectl delete pv ${name} --ignore-not-found --wait=false`;
}

interface Known {
  readonly volumes: readonly Found[];
  readonly connected: boolean;
  /** Whether the controller has a list of the node's volumes. */
  readonly reported: boolean;
}

/** From the node's last report, and from the claims of volumes that it has made, for a controller that has started since. */
async function ofNode(fleet: FleetCalls, name: string): Promise<Known> {
  const claims = await fleet.claims();
  const node = (await fleet.nodes()).find((one) => one.node === name);
  const volumes = (await fleet.volumes()).filter((volume) => volume.node === name && passes(volume.role));
  const seen = new Set(volumes.map(({ id }) => id));
  const more = [...claims].filter(([id]) => parseVolumeId(id)?.node === name && !seen.has(id));
  if (!node && more.length === 0) {
    throw new Failure('not-found', `no node ${name} has connected, and no claim has a volume of it: see quarry nodes`);
  }
  const reported = node !== undefined && node.problem === undefined;
  return {
    volumes: [
      ...volumes,
      ...(reported && node.connected ? [] : more.map(([id, { namespace, claim }]) => ({ namespace, claim, id }))),
    ],
    connected: node?.connected ?? false,
    reported,
  };
}

/** A copy is not the volume: that is on another node. */
function passes(role: string | undefined): boolean {
  return role === undefined || role === 'inline' || role === 'leaving';
}
