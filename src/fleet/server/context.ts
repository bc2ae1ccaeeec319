import type { NodeName } from '../../domain/ids.ts';
import type { Log } from '../../log.ts';
import type { Protocol } from '../wire/protocol.ts';
import type { Timing } from '../wire/timing.ts';
import type { Attachment } from './attachment.ts';
import type { Identify } from './identity.ts';
import type { Members } from './members.ts';
import type { Refusals } from './refusals.ts';
import type { Streams } from './streams.ts';

/** Shared by all streams of a controller. */
export interface AttachmentContext {
  readonly protocol: Protocol;
  readonly driver: string;
  readonly driverVersion: string;
  readonly identify: Identify;
  readonly members: Members;
  /** By node, the newest stream that was accepted. */
  readonly current: Map<NodeName, Attachment>;
  readonly streams: Streams;
  readonly refusals: Refusals;
  readonly timing: Timing;
  /** Milliseconds after which a token that is in use is reviewed again, at the latest. Default: 5 minutes. */
  readonly reviewEvery?: number;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds from any fixed moment; they do not depend on the clock's time. */
  readonly ticks: () => number;
}
