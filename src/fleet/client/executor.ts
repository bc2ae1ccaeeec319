import { Failure, isFailure } from '../../domain/errors.ts';
import { parseNodeName } from '../../domain/ids.ts';
import type { Storage } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Command } from '../../gen/quarry/fleet/v1/Command.ts';
import type { ReplyInit } from '../../gen/quarry/fleet/v1/Reply.ts';
import type { Log } from '../../log.ts';
import { readDelay } from '../wire/bounds.ts';
import { writeFailure } from '../wire/failures.ts';
import { readQosChange } from '../wire/qos.ts';
import { readRange, readSpec, readVolumeId, writeVolume } from '../wire/volumes.ts';

/** More than a controller sends at once. */
const mostRunning = 1024;

export interface ExecutorOptions {
  readonly storage: Storage;
  readonly reply: (reply: ReplyInit) => void;
  readonly log: Log;
}

/** Does the commands of one stream. */
export class Executor {
  readonly #options: ExecutorOptions;
  readonly #running = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  #draining = false;
  #lastId = 0n;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Throws `invalid` when there are more than any controller of ours sends. */
  accept(command: Command): void {
    // Ids rise: one that was seen was begun, and once is enough.
    if (BigInt(command.id) <= this.#lastId) return;
    this.#lastId = BigInt(command.id);
    if (this.#running.size >= mostRunning) {
      throw new Failure('invalid', `more than ${mostRunning} commands at once are no controller's of ours`);
    }
    const controller = new AbortController();
    // Not in this turn, so that it is among what runs before it can end.
    const done = Promise.resolve().then(() => this.#run(command, controller.signal));
    this.#running.set(command.id, { controller, done });
  }

  /** Begins nothing more. Resolves when all that had begun has ended, and the controller has been told. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  cancel(id: string): void {
    this.#running.get(id)?.controller.abort(new Failure('cancelled', 'the caller gave up'));
  }

  /** What has not begun does not begin any more; what is running on LVM runs on. */
  stop(): void {
    for (const id of this.#running.keys()) this.cancel(id);
  }

  async #run(command: Command, signal: AbortSignal): Promise<void> {
    const { reply } = this.#options;
    const { id } = command;
    const began = performance.now();
    const timeout = readDelay(command.timeoutMs);
    const timer = timeout > 0 ? setTimeout(() => this.cancel(id), timeout) : undefined;
    try {
      const volume = await this.#perform(command, signal);
      reply({ id, done: volume ? { volume: writeVolume(volume) } : {} });
      this.#report(command, began);
    } catch (error) {
      reply({ id, error: writeFailure(error) });
      this.#report(command, began, error);
    } finally {
      clearTimeout(timer);
      this.#running.delete(id);
    }
  }

  /** One line a command, as each CSI call has: what changes something at `info`. */
  #report({ action, find, create, remove, expand, modify, retain }: Command, began: number, error?: unknown): void {
    const { log } = this.#options;
    const volume = create?.spec?.name ?? (find ?? remove ?? expand ?? modify ?? retain)?.volume;
    const fields = { action, volume, duration_ms: Math.round(performance.now() - began) };
    if (error !== undefined && !isFailure(error)) log.error({ ...fields, error }, 'command');
    else
      log[find ? 'debug' : 'info']({ ...fields, ...(error && { error: error.message, kind: error.kind }) }, 'command');
  }

  async #perform(command: Command, signal: AbortSignal): Promise<Volume | undefined> {
    const { storage } = this.#options;
    const { find, create, remove, expand, modify, retain } = command;
    if (this.#draining) throw new Failure('unavailable', `node ${storage.node} is stopping; nothing was started`);
    if (find) return storage.find(readVolumeId(find.volume).id, signal);
    if (create) return storage.create(readSpec(create.spec), signal);
    if (expand) return storage.expand(readVolumeId(expand.volume).id, readRange(expand.size), signal);
    if (modify) return storage.modify(readVolumeId(modify.volume).id, readQosChange(modify.change), signal);
    if (retain) return storage.retain(readVolumeId(retain.volume).id, signal);
    if (!remove) throw new Failure('unimplemented', `node ${storage.node} does not know this command`);
    await storage.remove(readVolumeId(remove.volume).id, signal, parseNodeName(remove.goneFrom));
    return undefined;
  }
}
