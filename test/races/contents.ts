import type { CopyRange } from '../../src/lvm/copies/copy-range.ts';
import { copiedTo } from '../../src/lvm/copies/copy-source.ts';
import { devicePath } from '../../src/lvm/names.ts';
import type { LvName, VgName } from '../../src/domain/ids.ts';
import type { LvmArguments } from '../../src/lvm/process/lvm.ts';
import { parseTags, tag } from '../../src/lvm/tags.ts';
import type { FakeLvm } from '../unit/lvm/fake-lvm.ts';

type Lv = FakeLvm['volumes'] extends ReadonlyMap<string, infer Value> ? Value : never;

/** What jobs have copied to the logical volumes of a node: it is on their disks, and outlives the driver. */
export class Contents {
  readonly problems: string[] = [];
  readonly #lvm: FakeLvm;
  readonly #group: VgName;
  /** The ranges that were written, by their begins. */
  readonly #written = new WeakMap<Lv, Map<bigint, bigint>>();

  constructor(lvm: FakeLvm, group: VgName) {
    this.#lvm = lvm;
    this.#group = group;
  }

  /** Done at once and whole. */
  write({ to, offset, size }: Parameters<CopyRange>[0]): void {
    const found = [...this.#lvm.volumes].find(([name]) => devicePath(this.#group, name as LvName) === to);
    if (!found) return void this.problems.push(`${to} is written, and does not exist`);
    const written = this.#written.get(found[1]) ?? new Map<bigint, bigint>();
    this.#written.set(found[1], written.set(offset, offset + size));
  }

  /** A volume that is marked as whole has to be. Call it before each change. */
  judge(argv: LvmArguments): void {
    if (!argv.some((word, index) => argv[index - 1] === '--deltag' && word === tag('state', 'copying'))) return;
    const name = argv.at(-1)?.split('/')[1] ?? '';
    const lv = this.#lvm.volumes.get(name);
    if (lv && this.#writtenTo(lv) < lv.size)
      this.problems.push(`${name} is marked as whole, and has ${this.#writtenTo(lv)} of ${lv.size} bytes`);
  }

  /** Snapshots that only a copy needs, by name. */
  left(): string[] {
    const all = [...this.#lvm.volumes].map(
      ([name, { tags }]) => [name, { tags: parseTags([...tags].join(',')) }] as const,
    );
    return all.flatMap(([name, record]) => (copiedTo(record) === undefined ? [] : [name]));
  }

  #writtenTo(lv: Lv): bigint {
    const written = this.#written.get(lv);
    let end = 0n;
    for (let next = written?.get(end); next !== undefined; next = written?.get(end)) end = next;
    return end;
  }
}
