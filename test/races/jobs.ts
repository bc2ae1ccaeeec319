import { JobRunner } from '../../src/block/job-runner.ts';
import { maximum } from '../../src/domain/bytes.ts';
import { isFailure } from '../../src/domain/errors.ts';
import type { VgName } from '../../src/domain/ids.ts';
import type { JobSource } from '../../src/domain/jobs.ts';
import type { InventoryCache } from '../../src/lvm/cache.ts';
import { LostCopies } from '../../src/lvm/mirrors/lost-copies.ts';
import { MirrorRepair } from '../../src/lvm/mirrors/mirror-repair.ts';
import { MissingDisks } from '../../src/lvm/mirrors/missing-disks.ts';
import type { Lvm } from '../../src/lvm/process/lvm.ts';
import type { LocalStorage } from '../../src/lvm/storage.ts';
import type { Writer } from '../../src/lvm/writer.ts';
import { log } from './constants.ts';

export interface JobsOptions {
  readonly storage: LocalStorage;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  /** Whether a missing disk comes back. */
  readonly comesBack: boolean;
}

const bounds = { total: 5, creation: 1, copy: 1, erase: 1, repair: 1, evacuation: 1 };
/** Milliseconds between two checks of a repair. */
const interval = 500;

/** The jobs of a driver that go on in the background, and what it does about missing disks before it looks for them. */
export class Jobs {
  readonly #missing: MissingDisks;
  readonly #lost: LostCopies;
  readonly #runner: JobRunner;
  #ended = false;

  constructor({ storage, comesBack, ...lvm }: JobsOptions) {
    const { volumeCopies, growth, marks } = storage;
    const pace = { ...lvm, rate: maximum, interval };
    this.#missing = new MissingDisks({ ...lvm, patience: comesBack ? Infinity : 0 });
    this.#lost = new LostCopies({ ...pace, missing: this.#missing });
    const repairs = new MirrorRepair({ ...pace, marks, lost: this.#lost, log });
    const copies = { kind: 'copy', find: () => [...volumeCopies.find(), ...growth.rooms.find()] } as const;
    const sources = [copies, repairs].map(({ kind, find }): JobSource => ({
      kind,
      find: () => (this.#ended ? [] : find()),
    }));
    this.#runner = new JobRunner({ sources, bounds, log });
    for (const source of [volumeCopies, growth]) source.startWith(() => this.look());
  }

  look(): void {
    this.#runner.look();
  }

  /** A process that was killed finds no more jobs, and does not wait to look for them. */
  end(): void {
    this.#ended = true;
    this.#runner.look();
  }

  /** As the preparation of a pool does. One that LVM does not answer is done again by the next preparation. */
  async settleDisks(group: VgName): Promise<void> {
    try {
      await this.#missing.settle(group);
      await this.#lost.look();
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }
}
