import { Failure } from '../../domain/errors.ts';

/** Whole blocks of a thin volume. */
export interface BlockRange {
  readonly begin: number;
  /** The block after the last one. */
  readonly end: number;
}

/** Bytes of a sector in the metadata of thin pools. */
const sectorSize = 512n;

/** Characters of a line: more than the tools need for one. */
const longestLine = 1024;

/**
 * Reads the XML of `thin_dump --dev-id` or of `thin_delta`, which have an element on each line. It keeps only the line that is not complete yet.
 * From a dump come all mapped ranges, from a delta those that differ. Each method throws `unavailable` for anything else than the whole
 * output of one of them.
 */
export class MappingParser {
  readonly #subject: RegExp;
  #rest = '';
  #blockSize: bigint | undefined;
  #found = false;
  #complete = false;
  #end = 0;

  /** @param devices the thin ids of the dumped device, or of the two that are compared */
  constructor(...devices: readonly [number] | readonly [number, number]) {
    const [first, second] = devices;
    this.#subject = new RegExp(
      second === undefined ? `^<device dev_id="${first}" ` : `^<diff left="${first}" right="${second}">`,
    );
  }

  /** Bytes of a block; known before the first range. */
  get blockSize(): bigint {
    return this.#blockSize ?? unreadable('has no block size');
  }

  /** The ranges in the next piece of the output, in ascending order. */
  *push(text: string): Generator<BlockRange, void, undefined> {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > longestLine) unreadable(`has a line of more than ${longestLine} characters`);
    for (const line of lines) {
      const range = this.#read(line.trim());
      if (range) yield range;
    }
  }

  /** Call it after the last piece. Throws if that was not the end of the document, or if the device is not in it. */
  finish(): void {
    this.#read(this.#rest.trim());
    if (!this.#found) throw new Failure('unavailable', 'the metadata snapshot of the thin pool lacks the device');
    if (!this.#complete) unreadable('is not complete');
  }

  #read(line: string): BlockRange | undefined {
    const range = rangeOf(line);
    if (range === 'same') return undefined;
    if (range) {
      if (!this.#found || this.#complete) unreadable('has a range outside of its device');
      if (range.begin < this.#end || range.end <= range.begin) unreadable('is not in ascending order');
      this.#end = range.end;
      return range;
    }
    this.#readFrame(line);
    return undefined;
  }

  #readFrame(line: string): void {
    const [, sectors] = /^<superblock .*\bdata_block_size="(\d+)"/.exec(line) ?? [];
    if (sectors !== undefined) this.#blockSize = BigInt(sectors) * sectorSize;
    else if (!this.#found && this.#subject.test(line)) this.#found = true;
    else if (line === '</superblock>') this.#complete = true;
    else if (line !== '' && line !== '</device>' && line !== '</diff>') unreadable(`has the line ${line.slice(0, 80)}`);
  }
}

const mapping =
  /^<(range|single)_mapping origin_(?:begin|block)="(\d+)" data_(?:begin|block)="\d+"(?: length="(\d+)")? /;
const difference = /^<(same|different|left_only|right_only) begin="(\d+)" length="(\d+)"\/>$/;

/** `same`: a range in which the two devices are equal. */
function rangeOf(line: string): BlockRange | 'same' | undefined {
  const [, kind, begin, length = '1'] = mapping.exec(line) ?? difference.exec(line) ?? [];
  if (kind === undefined) return undefined;
  if (kind === 'same') return kind;
  return { begin: Number(begin), end: Number(begin) + Number(length) };
}

function unreadable(why: string): never {
  throw new Failure('unavailable', `the list of blocks of the thin pool cannot be read: it ${why}`);
}
