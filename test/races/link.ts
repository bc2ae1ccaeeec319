import { EventEmitter } from 'node:events';
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Transport } from '../../src/fleet/client/transport.ts';
import type { Schedule } from './schedule.ts';

type Message =
  | { readonly event: 'data'; readonly bytes: Buffer }
  | { readonly event: 'end' | 'cancelled' }
  | { readonly event: 'error'; readonly details: string };

/** One end of a stream, with the parts of gRPC's that the fleet uses. */
class End extends EventEmitter {
  readonly metadata = new Metadata();
  readonly destroyed = false;
  writableEnded = false;
  readonly #send: (message: Message) => void;

  constructor(send: (message: Message) => void) {
    super();
    this.#send = send;
  }

  write(bytes: Buffer, gone: () => void): boolean {
    this.#send({ event: 'data', bytes });
    gone();
    return true;
  }

  end(): void {
    if (!this.writableEnded) this.#send({ event: 'end' });
    this.writableEnded = true;
  }

  cancel(): void {
    this.writableEnded = true;
    this.#send({ event: 'cancelled' });
  }

  pause(): void {}

  resume(): void {}

  receive(message: Message): void {
    if (message.event === 'data') this.emit('data', message.bytes);
    else if (message.event === 'error') this.emit('error', { details: message.details });
    else this.emit(message.event);
  }
}

export interface LinkOptions {
  readonly schedule: Schedule;
  /** Unique among the links of a run. */
  readonly label: string;
  /** Called when the dial arrives at the controller. */
  readonly accept: (call: ServerDuplexStream<Buffer, Buffer>, cut: () => void) => void;
}

/** A stream between a node and a controller in memory: each direction keeps the order of its messages. */
export class Link {
  readonly #options: LinkOptions;
  readonly #node: End;
  readonly #controller: End;
  #broken = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#node = new End((message) => this.#carry('up', message));
    this.#controller = new End((message) => this.#carry('down', message));
    // As gRPC's server does: an error is the status that the peer gets.
    this.#controller.on('error', ({ details }: { details: string }) =>
      this.#carry('down', { event: 'error', details }),
    );
    options.schedule.add(this.#channel('up'), () => this.#accept());
  }

  get transport(): Transport {
    const call = this.#node as unknown as Transport['call'];
    return { call, close: () => this.#node.cancel() };
  }

  /** Loses what is under way. Each end that still exists notices it at another time. */
  cut(knows: { readonly node?: boolean; readonly controller?: boolean } = {}): void {
    if (this.#broken) return;
    this.#broken = true;
    const { schedule } = this.#options;
    for (const way of ['up', 'down'] as const) schedule.drop(this.#channel(way));
    if (knows.node !== false)
      schedule.add(this.#channel('down'), () => this.#node.receive({ event: 'error', details: 'the network failed' }));
    if (knows.controller !== false)
      schedule.add(this.#channel('up'), () => this.#controller.receive({ event: 'cancelled' }));
  }

  #accept(): void {
    this.#options.accept(this.#controller as unknown as ServerDuplexStream<Buffer, Buffer>, () => this.cut());
  }

  #carry(way: 'up' | 'down', message: Message): void {
    if (this.#broken) return;
    const to = way === 'up' ? this.#controller : this.#node;
    this.#options.schedule.add(this.#channel(way), () => to.receive(message));
  }

  #channel(way: 'up' | 'down'): string {
    return `${this.#options.label} ${way}`;
  }
}
