import { connect, type Socket } from 'node:net';
import { LabError } from './command.ts';
import { type ExecOptions, type ExecResult, type Process, type StartOptions, startProcess } from './process.ts';

/** An agent's orders: one connection each, so that a slow one delays no other. */
export class Agent {
  readonly #socketPath: string;
  readonly #open = new Set<Socket>();

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async ping(timeout: number): Promise<void> {
    await this.#ask({ op: 'ping' }, timeout);
  }

  /** Makes the agent listen on a socket of its side and forward connections to `to`, through the agent at `via`. */
  async forward(listen: string, to: string, via?: string): Promise<void> {
    await this.#ask({ op: 'forward', listen, to, via }, 5000);
  }

  /** Sends a command to the kernel of the guest whose control socket this is. */
  async tellKernel(socketPath: string, words: readonly string[]): Promise<void> {
    await this.#ask({ op: 'mconsole', to: socketPath, argv: words }, 6000);
  }

  /** Ends the connections that are forwarded to or through an address that no longer answers. */
  async drop(address: string): Promise<void> {
    await this.#ask({ op: 'drop', to: address }, 5000);
  }

  async start(argv: readonly string[], options: StartOptions & { isolate?: boolean } = {}): Promise<Process> {
    const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const socket = await this.#connect();
    socket.write(orderLine({ op: 'run', argv, env, cwd: options.cwd ?? '', isolate: options.isolate ?? false }));
    return startProcess(socket, argv);
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const started = await this.start(argv, options);
    started.write(options.input ?? '');
    started.endInput();
    const timeout = options.timeout ?? 60_000;
    const timer = setTimeout(
      () => started.abandon(new LabError(`${argv.join(' ')}: no end after ${timeout} ms`)),
      timeout,
    );
    try {
      return await started.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every order in flight: a guest without power closes no connection by itself. */
  close(reason: Error): void {
    for (const socket of this.#open) socket.destroy(reason);
  }

  async #ask(order: object, timeout: number): Promise<void> {
    const socket = await this.#connect();
    const timer = setTimeout(() => socket.destroy(new LabError('the agent does not answer')), timeout);
    try {
      socket.write(orderLine(order));
      const { error } = JSON.parse(await firstLine(socket)) as { error?: string };
      if (error !== undefined) throw new LabError(error);
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  }

  async #connect(): Promise<Socket> {
    const socket = connect(this.#socketPath);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('connect', resolve);
    socket.once('error', reject);
    await promise;
    socket.off('error', reject);
    return socket;
  }
}

function orderLine(order: object): string {
  return `${JSON.stringify(order)}\n`;
}

async function firstLine(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('\n')) return text;
  }
  throw new LabError('the agent hung up');
}
