import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Provisioner } from '../../src/controller/provisioner.ts';
import { Settling } from '../../src/controller/settling.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import { GroupSnapshotter } from '../../src/features/group-snapshots/group-snapshotter.ts';
import { Snapshotter } from '../../src/features/snapshots/snapshotter.ts';
import { Attachment } from '../../src/fleet/server/attachment.ts';
import type { AttachmentContext } from '../../src/fleet/server/context.ts';
import { Members } from '../../src/fleet/server/members.ts';
import { createRefusals } from '../../src/fleet/server/refusals.ts';
import { Streams } from '../../src/fleet/server/streams.ts';
import type { Protocol } from '../../src/fleet/wire/protocol.ts';
import { lvNameFor } from '../../src/lvm/names.ts';
import { driver, log, timing } from './constants.ts';

export interface ReplicaOptions {
  readonly protocol: Protocol;
  readonly nodes: readonly string[];
}

/** One process of a controller. */
export class Replica {
  readonly provisioner: Provisioner;
  readonly snapshotter: Snapshotter;
  readonly groupSnapshotter: GroupSnapshotter;
  readonly members: Members;
  /** Aborted when the process was killed. */
  readonly gone = new AbortController();
  readonly #context: AttachmentContext;
  readonly #attachments = new Set<Attachment>();

  constructor({ protocol, nodes }: ReplicaOptions) {
    const ticks = (): number => performance.now();
    const [now, names] = [Date.now, nodes as NodeName[]];
    this.members = new Members(now, protocol);
    const refusals = createRefusals(log, now);
    this.#context = {
      protocol,
      driver,
      driverVersion: '1',
      identify: async ({ address }) => ({ node: address as NodeName, expires: Number.MAX_SAFE_INTEGER }),
      members: this.members,
      current: new Map(),
      streams: new Streams(ticks),
      refusals,
      timing,
      log,
      now,
      ticks,
    };
    const known = (node: NodeName): boolean => this.members.member(node) !== undefined;
    const settling = new Settling({ time: 0, limit: Infinity, expected: () => names, known, ticks });
    settling.begin();
    const awaits = (node?: NodeName): boolean => node !== undefined || !settling.settled();
    const lifecycle = { nodeGone: () => false, nodeDeleted: () => false, awaits };
    this.provisioner = new Provisioner({ fleet: this.members, packing: 'spread', lvNameFor, lifecycle });
    this.snapshotter = new Snapshotter(this.provisioner.registry);
    this.groupSnapshotter = new GroupSnapshotter(this.provisioner.registry);
  }

  /** Peers that were cut off, by reason. */
  refused(): ReadonlyMap<string, number> {
    return this.#context.refusals.counts();
  }

  accept(node: string, call: ServerDuplexStream<Buffer, Buffer>, destroy: () => void): void {
    const peer = { address: `${node}:1`, certificate: undefined, called: () => undefined, destroy };
    const attachment = new Attachment(call, peer, this.#context);
    this.#attachments.add(attachment);
    void attachment.ended.then(() => this.#attachments.delete(attachment));
    void attachment.start();
  }

  /** Looks for peers that send nothing, as the server does each second. */
  sweep(): void {
    for (const attachment of this.#attachments) attachment.check();
  }

  kill(): void {
    this.gone.abort();
    for (const attachment of this.#attachments) attachment.finish('killed');
  }
}
