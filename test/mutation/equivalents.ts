import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MutantName } from './mutants.ts';

/** A mutant that behaves as the program does, with the reason; it is not run. */
export interface Equivalent extends MutantName {
  readonly reason: string;
}

export function readEquivalents(): readonly Equivalent[] {
  const text = readFileSync(join(import.meta.dirname, 'equivalent.json'), 'utf8');
  return JSON.parse(text) as readonly Equivalent[];
}

/** A text that is the same for two names of one mutant. */
export function keyOf({ file, line, from, to }: MutantName): string {
  return JSON.stringify([file, line, from, to]);
}
