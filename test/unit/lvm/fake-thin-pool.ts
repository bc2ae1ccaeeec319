import type { Run } from '../../../src/exec/run.ts';
import type { RunStream } from '../../../src/exec/stream.ts';
import { createPoolDevices } from '../../../src/lvm/blocks/pool-device.ts';
import { ThinMetadata, type ThinMetadataOptions } from '../../../src/lvm/blocks/thin-metadata.ts';

/** The kernel's side of a thin pool, and the tools that read its metadata. */
export class FakeThinPool {
  /** By thin id: the content of each block. */
  readonly devices = new Map<number, ReadonlyMap<number, string>>();
  /** What the metadata snapshot has; `undefined`: none is reserved. */
  held: ReadonlyMap<number, ReadonlyMap<number, string>> | undefined;
  /** How often it was reserved. */
  reserved = 0;
  /** Called before each message to the kernel; may throw. */
  beforeMessage: (message: string) => Promise<void> = async () => undefined;
  /** Called before each line of a tool. */
  beforeLine: () => Promise<void> = async () => undefined;
  /** The arguments of the tools that were run. */
  readonly tools: (readonly string[])[] = [];
  /** How many separate blocks each device has instead, if it is not 0. */
  longDump = 0;
  /** How many tools run now. */
  running = 0;

  readonly run: Run = async (argv) => {
    const [program, command] = argv;
    if (program !== 'dmsetup') throw new Error(`unexpected program ${program}`);
    if (command === 'message') return this.#message(argv[4] ?? '');
    const root = this.held ? '39' : '-';
    return answer(
      0,
      `0 4194304 thin-pool 3 116/1024 209/32768 ${root} rw no_discard_passdown queue_if_no_space - 256 \n`,
    );
  };

  readonly stream: RunStream = (argv) => this.#tool(argv);

  async #message(message: string) {
    await this.beforeMessage(message);
    const reserve = message === 'reserve_metadata_snap';
    if (reserve === (this.held !== undefined)) return answer(1, '', 'Device or resource busy');
    this.held = reserve ? new Map(this.devices) : undefined;
    if (reserve) this.reserved += 1;
    return answer(0);
  }

  async *#tool(argv: readonly string[]): AsyncGenerator<string, void> {
    this.tools.push(argv);
    this.running += 1;
    try {
      for (const line of this.longDump > 0 ? longDump(this.longDump) : this.#lines(argv)) {
        await this.beforeLine();
        yield `${line}\n`;
      }
    } finally {
      this.running -= 1;
    }
  }

  *#lines(argv: readonly string[]): Generator<string> {
    const after = (word: string): number => Number(argv[argv.indexOf(word) + 1]);
    const blocksOf = (id: number) => this.held?.get(id) ?? new Map<number, string>();
    yield '<superblock uuid="" time="2" transaction="3" version="2" data_block_size="128" nr_data_blocks="0">';
    if (argv[0] === 'thin_dump') {
      const id = after('--dev-id');
      if (this.held?.has(id))
        yield `  <device dev_id="${id}" mapped_blocks="1" transaction="1" creation_time="1" snap_time="1">`;
      for (const block of [...blocksOf(id).keys()].sort((a, b) => a - b))
        yield `    <single_mapping origin_block="${block}" data_block="1" time="0"/>`;
      if (this.held?.has(id)) yield '  </device>';
    } else {
      const [left, right] = [after('--snap1'), after('--snap2')];
      const [before, now] = [blocksOf(left), blocksOf(right)];
      yield `  <diff left="${left}" right="${right}">`;
      for (const block of [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => a - b)) {
        const same = before.get(block) === now.get(block);
        const kind = same ? 'same' : now.has(block) ? (before.has(block) ? 'different' : 'right_only') : 'left_only';
        yield `    <${kind} begin="${block}" length="1"/>`;
      }
      yield '  </diff>';
    }
    yield '</superblock>';
  }
}

/** In pieces of the size of a pipe. */
function* longDump(blocks: number): Generator<string> {
  yield '<superblock data_block_size="1">\n<device dev_id="1" >';
  for (let from = 0; from < blocks; from += 1000) {
    const each = Array.from({ length: Math.min(1000, blocks - from) }, (_, index) => (from + index) * 2);
    yield each.map((at) => `    <single_mapping origin_block="${at}" data_block="1" time="0"/>`).join('\n');
  }
  yield '  </device>\n</superblock>';
}

/** The metadata of thin pools over an LVM in memory. */
export function fakeThinMetadata(
  options: Pick<ThinMetadataOptions, 'lvm' | 'cache' | 'writer'>,
  kernel = new FakeThinPool(),
): ThinMetadata {
  const log = { info: () => undefined, warn: () => undefined } as never;
  const hosted = (program: string): [string] => [program];
  const devices = createPoolDevices({ run: kernel.run, hosted });
  return new ThinMetadata({ ...options, devices, stream: kernel.stream, hosted, log });
}

function answer(exitCode: number, stdout = '', stderr = '') {
  return { exitCode, stdout, stderr };
}
