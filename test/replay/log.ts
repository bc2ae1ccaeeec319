import { type FileHandle, open } from 'node:fs/promises';
import { type Entry, parseLog } from './log-format.ts';
import { readAt } from './read-at.ts';

const sectorBytes = 512;

/** The log's device, open for its data. */
export class Log implements AsyncDisposable {
  readonly entries: Entry[];
  readonly #file: FileHandle;

  private constructor(file: FileHandle, entries: Entry[]) {
    this.#file = file;
    this.entries = entries;
  }

  static async open(device: string): Promise<Log> {
    const file = await open(device, 'r');
    return new Log(
      file,
      parseLog((offset, length) => readAt(file.fd, offset, length)),
    );
  }

  data({ data, sectors }: Entry): Buffer {
    return readAt(this.#file.fd, data, sectors * sectorBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
