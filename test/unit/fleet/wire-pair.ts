import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { isFailure } from '../../../src/domain/errors.ts';
import { Caller } from '../../../src/fleet/wire/caller.ts';
import { type Handler, Responder } from '../../../src/fleet/wire/responder.ts';
import type { Call } from '../../../src/gen/quarry/fleet/v1/Call.ts';
import type { Reply } from '../../../src/gen/quarry/fleet/v1/Reply.ts';

// Both ends of the calls of a stream, without the stream.

type Serve = (payload: Buffer, signal: AbortSignal) => AsyncIterable<Buffer>;
const handler = (streams: boolean, serve: Serve): Handler => ({
  streams,
  reads: streams,
  open: (payload) => ({ volume: undefined, replies: ({ signal }) => serve(payload, signal) }),
});
export const streaming = (serve: Serve): Handler => handler(true, serve);
export const unary = (serve: (payload: Buffer, signal: AbortSignal) => Promise<Buffer>): Handler =>
  handler(false, async function* (payload, signal) {
    yield await serve(payload, signal);
  });

/** A caller and a responder with a wire between them that delivers each message in a later turn. */
export function connect(methods: Readonly<Record<string, Handler>>, timeout = 60_000) {
  const events = new EventEmitter();
  const replies: Reply[] = [];
  const reply = (message: object): void => {
    const full = { id: '0', more: false, ...message } as Reply;
    replies.push(full);
    void turn().then(() => caller.receive(full));
  };
  const responder = new Responder({
    node: 'n1',
    methods: new Map(Object.entries(methods)),
    reply,
    log: pino({ level: 'silent' }),
  });
  const caller = new Caller({
    node: 'n1',
    timeout,
    idle: () => events.emit('idle'),
    send({ call, credit, cancel }) {
      void turn().then(() => {
        if (call) responder.accept(call as Call);
        if (credit) responder.credit(String(credit.id), Number(credit.count));
        if (cancel) {
          events.emit('cancelled');
          responder.cancel(String(cancel.id));
        }
      });
    },
  });
  return { caller, responder, replies, events };
}

export const live = () => ({ signal: new AbortController().signal });
export const failure = (work: Promise<unknown>) =>
  work.then(
    () => 'no failure',
    (error: unknown) => (isFailure(error) ? `${error.kind}: ${error.message}` : String(error)),
  );
