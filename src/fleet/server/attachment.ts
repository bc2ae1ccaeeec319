import type { ServerDuplexStream } from '@grpc/grpc-js';
import { messageOf } from '../../domain/errors.ts';
import type { FromNode } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import { createSendQueue, type SendQueue } from '../wire/send-queue.ts';
import type { AttachmentContext } from './context.ts';
import { commonVersion, refuseHello } from './greeting.ts';
import { Credential } from './credential.ts';
import { type Intake, runSteps } from './intake.ts';
import type { Peer } from './listener.ts';
import { type Reason, refusalCodes, useless } from './refusals.ts';
import { Session } from './session.ts';

/** Bytes that may wait for a node: twice what its commands in flight can have. */
const mostWaiting = 8 * 1024 * 1024;
/** Milliseconds for a status to reach its peer before the connection is cut. */
const farewell = 1000;

const floods = 'it sent more messages, bytes or entries than a node does';

type Call = ServerDuplexStream<Buffer, Buffer>;

/** One stream from its first byte to its end: credential, greeting, session. */
export class Attachment {
  readonly #call: Call;
  readonly #peer: Peer;
  readonly #context: AttachmentContext;
  readonly #sendQueue: SendQueue<ToNodeInit>;
  readonly #credential: Credential;
  readonly ended: Promise<void>;
  readonly #end: () => void;
  #session: Session | undefined;
  #heardAt: number;
  #retired = false;
  #over = false;

  constructor(call: Call, peer: Peer, context: AttachmentContext) {
    this.#call = call;
    this.#peer = peer;
    this.#context = context;
    this.#heardAt = context.ticks();
    this.#credential = new Credential({ peer, context, refuse: (reason, message) => this.refuse(reason, message) });
    const full = (): void => this.refuse('stalled', `more than ${mostWaiting} bytes wait for it`);
    const { writeToNode: encode } = context.protocol;
    this.#sendQueue = createSendQueue(call, { encode, most: mostWaiting, full, ticks: context.ticks });
    ({ promise: this.ended, resolve: this.#end } = Promise.withResolvers<void>());
    peer.called();
    call.on('cancelled', () => this.#broke());
    call.on('end', () => this.finish('the node ended the stream'));
  }

  /** Reads no message of the peer before its credential is accepted. */
  async start(): Promise<void> {
    const authorization = this.#call.metadata.get('authorization')[0]?.toString();
    const identity = await this.#credential.begin(authorization);
    if (!identity) return;
    if ('reason' in identity) return this.refuse(identity.reason, identity.message);
    const { streams, current } = this.#context;
    const intake = streams.enter(identity.node, this, current.get(identity.node));
    this.#heardAt = this.#context.ticks();
    this.#call.on('data', (bytes: Buffer) => this.#receive(bytes, intake));
  }

  /** Call it again and again: refuses a peer that sends or reads nothing, or whose credential has expired. */
  check(): void {
    const { ticks, timing } = this.#context;
    if (this.#over || !this.#credential.identity) return;
    const stuck = this.#sendQueue.stuckSince();
    if (stuck !== undefined && ticks() - stuck > timing.silence) {
      return this.refuse('stalled', `it read nothing for ${timing.silence} ms`);
    }
    if (ticks() - this.#heardAt > (this.#session ? timing.silence : timing.greeting)) {
      return this.refuse('silent', 'it sent nothing for too long');
    }
    this.#credential.check();
  }

  refuse(reason: Reason, message: string): void {
    if (this.#over) return;
    const { refusals } = this.#context;
    refusals.add({ reason, message }, { peer: this.#peer.address, node: this.#credential.identity?.node });
    this.#close(refusalCodes[reason], message);
    this.#finish(message);
    if (this.#session && useless.has(reason)) this.#context.members.setApart(this.#session.node, message);
  }

  /** Ends the stream without an error; the node dials again. */
  finish(reason: string): void {
    if (this.#over) return;
    this.#call.end();
    this.#cutSoon();
    this.#finish(reason);
  }

  /** The pod is deleted: a stream whose token is bound to it is reviewed now. */
  podGone(uid: string): void {
    this.#credential.podGone(uid);
  }

  #receive(bytes: Buffer, intake: Intake): void {
    if (this.#over) return;
    this.#heardAt = this.#context.ticks();
    if (!intake.admits(bytes.length)) return this.refuse('flood', floods);
    try {
      const message = this.#context.protocol.fromNode(bytes);
      const entries = message.records ? message.records.records.length + message.records.removed.length : 0;
      if (!intake.admitsEntries(entries)) return this.refuse('flood', floods);
      if (!this.#session) this.#greet(message);
      else if (message.hello) this.refuse('malformed', 'it greeted twice');
      else if (message.credential) this.#credential.offer(message.credential.token);
      else void this.#handle(this.#session.receiving(message), entries);
    } catch (error) {
      this.refuse('malformed', messageOf(error));
    }
  }

  async #handle(steps: Iterator<void, void>, entries: number): Promise<void> {
    try {
      await runSteps(steps, entries, this.#call, () => this.#over);
    } catch (error) {
      this.refuse('malformed', messageOf(error));
    }
  }

  #greet({ hello }: FromNode): void {
    const { identity } = this.#credential;
    if (!hello || !identity) return this.refuse('malformed', 'the first message was no greeting');
    const { current, protocol, timing, now, driver, driverVersion } = this.#context;
    const refusal = refuseHello(hello, identity.node, driver);
    if (refusal) return this.refuse(refusal.reason, refusal.message);
    const older = current.get(identity.node);
    if (this.#isReplay(older, hello.instance, identity.token)) {
      return this.refuse('replay', 'the token is in use by another process');
    }
    this.#session = new Session({
      node: identity.node,
      instance: hello.instance,
      protocol,
      timeout: timing.command,
      now,
      send: this.#sendQueue.send,
      distrust: (reason) => this.refuse('malformed', reason),
      changed: (session) => this.#changed(session),
    });
    // A second stream of one process follows a change of certificates, and takes over once it has reported.
    if (older?.instance !== hello.instance) {
      older?.finish('the node has dialled again');
      current.set(identity.node, this);
    }
    const welcome = {
      version: commonVersion(hello),
      driverVersion,
      pingEveryMs: timing.pingEvery,
      silenceMs: timing.silence,
    };
    this.#sendQueue.send({ welcome });
  }

  /** Names the node's process, once it has greeted. */
  get instance(): string | undefined {
    return this.#session?.instance;
  }

  /** A token that another process uses was copied: when a process restarts, its stream has ended. */
  #isReplay(older: Attachment | undefined, instance: string, token: string | undefined): boolean {
    return older !== undefined && token !== undefined && older.instance !== instance && older.#credential.has(token);
  }

  /** The first full report is complete, or the last call in flight has ended. */
  #changed(session: Session): void {
    const { current, members, log } = this.#context;
    if (this.#over || !session.inventory.inventory) return;
    if (this.#retired) {
      if (session.caller.inFlight === 0) this.finish('another stream has taken over');
      return;
    }
    if (members.attach(session)) log.info({ node: session.node, peer: this.#peer.address }, 'node connected');
    const older = current.get(session.node);
    current.set(session.node, this);
    if (older !== undefined && older !== this) older.#retire();
  }

  #retire(): void {
    this.#retired = true;
    if (this.#session) this.#changed(this.#session);
  }

  #close(code: number, message: string): void {
    this.#call.emit('error', { code, details: message.slice(0, 1024).toWellFormed() });
    this.#cutSoon();
  }

  /** Cuts the connection also where the status does not reach the peer. */
  #cutSoon(): void {
    setTimeout(() => this.#peer.destroy(), farewell).unref();
  }

  /** Counts and logs a stream that is reset before its review: there may be a flood of them. */
  #broke(): void {
    if (!this.#credential.identity && !this.#over) {
      const message = 'it left before its credential was checked';
      this.#context.refusals.add({ reason: 'abandoned', message }, { peer: this.#peer.address });
    }
    this.#finish('the stream broke');
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#credential.end();
    const { current, streams, members, log } = this.#context;
    const session = this.#session;
    const { identity } = this.#credential;
    if (identity) streams.leave(identity.node, this);
    if (session) {
      session.end(reason);
      if (members.detach(session)) log.info({ node: session.node, reason }, 'node disconnected');
      if (current.get(session.node) === this) current.delete(session.node);
    }
    this.#end();
  }
}
