import type { Writable } from 'node:stream';

/** Messages on their way to a peer: bounded in bytes and in time, also where the peer reads nothing. */
export interface SendQueue<Message> {
  readonly send: (message: Message) => void;
  /** Since when nothing has moved although something waits, in milliseconds of `ticks`; `undefined`: nothing waits. */
  readonly stuckSince: () => number | undefined;
}

export interface SendQueueOptions<Message> {
  readonly encode: (message: Message) => Buffer;
  /** Bytes that may wait. */
  readonly most: number;
  /** Called when more would have to wait; nothing is sent from then on. */
  readonly full: () => void;
  /** Milliseconds from any fixed moment. */
  readonly ticks: () => number;
}

/** Over a gRPC stream, which calls back once the transport's flow control has let a message go. */
export function createSendQueue<Message>(stream: Writable, options: SendQueueOptions<Message>): SendQueue<Message> {
  const { encode, most, full, ticks } = options;
  let waiting = 0;
  let movedAt = 0;
  let closed = false;
  return {
    send(message) {
      if (closed || stream.writableEnded || stream.destroyed) return;
      const bytes = encode(message);
      if (waiting + bytes.length > most) {
        closed = true;
        full();
        return;
      }
      if (waiting === 0) movedAt = ticks();
      waiting += bytes.length;
      stream.write(bytes, () => {
        waiting -= bytes.length;
        movedAt = ticks();
      });
    },
    stuckSince: () => (waiting === 0 ? undefined : movedAt),
  };
}
