import type { Socket } from 'node:net';
import { LabError } from './command.ts';
import { encodeFrame, frameReader, FromAgent, ToAgent } from './frames.ts';
import { Output } from './output.ts';
import { constants } from 'node:os';

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExecOptions extends StartOptions {
  readonly input?: string;
  /** Milliseconds until the program is killed and the call rejects; default: a minute. */
  readonly timeout?: number;
}

export interface ExecResult {
  /** As in a shell: 128 + N after signal N, 127 if the program could not be started. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs until it ends, is killed, or the process that started it is gone. */
export interface Process {
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Rejects only if the machine it runs on is gone. */
  readonly exited: Promise<ExecResult>;
  write(text: string): void;
  endInput(): void;
  /** Signals the program and its child processes. */
  kill(signal?: NodeJS.Signals): void;
  /** Drops the connection: the agent kills the program, `exited` rejects. */
  abandon(reason: Error): void;
}

interface Exit {
  readonly code: number;
}

/** Exchanges the frames of a run whose order has been sent; resolves when the program has started. */
export async function startProcess(socket: Socket, argv: readonly string[]): Promise<Process> {
  const stdout = new Output();
  const stderr = new Output();
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const started = Promise.withResolvers<number>();
  const exited = Promise.withResolvers<ExecResult>();
  // A caller that awaits only the start must not get an unhandled rejection at the end.
  exited.promise.catch(() => undefined);

  const finish = ({ code }: Exit): void => {
    stdout.end();
    stderr.end();
    started.resolve(0);
    exited.resolve({ exitCode: code, stdout: stdout.text, stderr: stderr.text });
    socket.end();
  };
  const onFrame = (kind: number, payload: Buffer): void => {
    if (kind === FromAgent.started) started.resolve((JSON.parse(payload.toString()) as { pid: number }).pid);
    else if (kind === FromAgent.stdout) stdout.append(decoders.stdout.decode(payload, { stream: true }));
    else if (kind === FromAgent.stderr) stderr.append(decoders.stderr.decode(payload, { stream: true }));
    else finish(JSON.parse(payload.toString()) as Exit);
  };
  socket.on('data', frameReader(onFrame));
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => {
    const error = new LabError(`${argv.join(' ')}: the machine is gone`, { cause: failure });
    stdout.end();
    stderr.end();
    started.reject(failure instanceof LabError ? failure : error);
    exited.reject(failure instanceof LabError ? failure : error);
  });

  const pid = await started.promise;
  return {
    pid,
    stdout,
    stderr,
    exited: exited.promise,
    write: (text) => void socket.write(encodeFrame(ToAgent.stdin, Buffer.from(text))),
    endInput: () => void socket.write(encodeFrame(ToAgent.endStdin)),
    kill: (signal = 'SIGTERM') =>
      void socket.write(encodeFrame(ToAgent.signal, Uint8Array.of(constants.signals[signal]))),
    abandon: (reason) => void socket.destroy(reason),
  };
}
