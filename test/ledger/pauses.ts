/** Upper ends of the classes into which pauses are sorted, in milliseconds. */
const ends = [250, 500, 1000, 2000, 5000];

/** For how many milliseconds writes were paused for each group snapshot, from a driver's log. */
export function pausesIn(log: string): number[] {
  return log
    .split('\n')
    .flatMap((line) => /"milliseconds":(\d+),"msg":"writes were paused/.exec(line)?.[1] ?? [])
    .map(Number);
}

/** How many of the pauses, in milliseconds, each class has: as counts, so that those of several runs can be added up. */
export function distribution(pauses: readonly number[]): Record<string, number> {
  const counts = ends.map((end, index) => {
    const from = ends[index - 1] ?? 0;
    return [`pauses of ${from} to ${end} ms`, pauses.filter((pause) => pause >= from && pause < end).length] as const;
  });
  const last = ends.at(-1) ?? 0;
  const longer = [`pauses of ${last} ms or more`, pauses.filter((pause) => pause >= last).length] as const;
  return Object.fromEntries([...counts, longer].filter(([, times]) => times > 0));
}

/** Median, 99th percentile and maximum, in words; empty without a pause. */
export function summaryOf(pauses: readonly number[]): string {
  const sorted = pauses.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1];
  if (sorted.length === 0) return '';
  return `writes were paused ${sorted.length} times: median ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}
