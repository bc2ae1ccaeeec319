import { readFileSync } from 'node:fs';
import type { Figure } from './sampling.ts';

/** Memory of a process, in MiB. */
export interface Memory {
  /** Every page that is mapped and present, those of files that other processes map too. */
  readonly resident: number;
  /** The same, with each page divided by the number of processes that map it. */
  readonly proportional: number;
  /** Pages of no file: what the process would give back if it ended while others run the same program. */
  readonly own: number;
}

/** Of Linux' `smaps_rollup`. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const read = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
  return { resident: read('Rss'), proportional: read('Pss'), own: read('Anonymous') };
}

/** One figure for each kind of memory; the target is that of the resident one. */
export function memoryFigures({ resident, proportional, own }: Memory, when: string, target: number): Figure[] {
  const shape = { unit: 'MiB', samples: 1 } as const;
  return [
    { ...shape, name: `resident memory${when}`, ours: resident, target },
    { ...shape, name: `proportional memory${when}`, ours: proportional },
    { ...shape, name: `memory of its own${when}`, ours: own },
  ];
}
