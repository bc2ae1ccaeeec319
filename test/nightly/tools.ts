/** A tool that tries to break Quarry for as long as it is told, from a seed. Its main takes --seed, --minutes and --tally. */
export interface Tool {
  readonly name: string;
  /** Path from the project's root, then its own arguments. */
  readonly command: readonly string[];
  /** Its part of the night; the parts need no common sum. */
  readonly weight: number;
}

export const tools: readonly Tool[] = [
  { name: 'storm', command: ['test/storm/main.ts'], weight: 4 },
  { name: 'storm-apart', command: ['test/storm/main.ts', '--roles', 'apart'], weight: 2 },
  { name: 'replay', command: ['test/replay/main.ts'], weight: 3 },
  { name: 'fuzz', command: ['test/fuzz/main.ts'], weight: 1 },
  { name: 'parsers', command: ['test/parsers/main.ts'], weight: 1 },
  { name: 'races', command: ['test/races/main.ts'], weight: 1 },
  { name: 'ledger', command: ['test/ledger/main.ts'], weight: 1 },
  { name: 'ledger-postgres', command: ['test/ledger/postgres-main.ts'], weight: 1 },
  { name: 'mutation', command: ['test/mutation/main.ts'], weight: 1 },
];

/** Whole minutes for each tool, at least one, in proportion to the weights. */
export function shares(chosen: readonly Tool[], minutes: number): Map<Tool, number> {
  const sum = chosen.reduce((total, { weight }) => total + weight, 0);
  return new Map(chosen.map((tool) => [tool, Math.max(1, Math.floor((minutes * tool.weight) / sum))]));
}
