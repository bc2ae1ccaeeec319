/** Milliseconds that a task takes. */
export async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** One figure of the table; times in milliseconds, memory in MiB. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'MiB' | 's' | 'ratio' | '/s' | '%';
  readonly ours: number;
  /** The bare command, measured in turn with ours. */
  readonly bare?: number;
  /** The target: for ours divided by bare if there is a bare, else for ours. */
  readonly target?: number;
  readonly samples: number;
}

/**
 * Ours and the bare command in turn, A B A B …, so that the machine's other work affects both alike. Preparation and clean-up are
 * not timed.
 */
export async function inTurn(
  rounds: number,
  ours: (round: number) => Promise<unknown>,
  bare: (round: number) => Promise<unknown>,
): Promise<{ ours: number; bare: number; samples: number }> {
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.bare.push(await timed(() => bare(round)));
    times.ours.push(await timed(() => ours(round)));
  }
  return { ours: median(times.ours), bare: median(times.bare), samples: rounds };
}
