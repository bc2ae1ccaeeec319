import { changesOf } from './changes.ts';
import { parse, runningNodes } from './syntax.ts';

/** A source file with one change that its tests should notice. */
export interface Mutant {
  /** Relative to the project's root. */
  readonly file: string;
  readonly kind: string;
  /** The changed part of the text, as offsets, and its replacement. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** An offset in code that runs exactly when the change can have an effect. */
  readonly at: number;
}

/** All mutants of a file, in the order of its text. */
export function findMutants(file: string, code: string): readonly Mutant[] {
  const mutants = new Map<string, Mutant>();
  for (const found of runningNodes(parse(code))) {
    for (const change of changesOf(found, code)) {
      const key = `${change.start}-${change.end}-${change.text}`;
      if (!mutants.has(key)) mutants.set(key, { file, at: change.start, ...change });
    }
  }
  return [...mutants.values()];
}

export function applyMutant(code: string, mutant: Pick<Mutant, 'start' | 'end' | 'text'>): string {
  return code.slice(0, mutant.start) + mutant.text + code.slice(mutant.end);
}

/** What names a mutant without line numbers, so that its name stays when other lines change. */
export interface MutantName {
  readonly file: string;
  /** The line that the change begins in. */
  readonly line: string;
  readonly from: string;
  readonly to: string;
}

export function nameMutant(mutant: Mutant, code: string): MutantName {
  const lineStart = code.lastIndexOf('\n', mutant.start - 1) + 1;
  const line = code.slice(lineStart).split('\n', 1)[0] ?? '';
  return {
    file: mutant.file,
    line: line.trim(),
    from: shorten(code.slice(mutant.start, mutant.end)),
    to: shorten(mutant.text),
  };
}

export function lineNumber(code: string, offset: number): number {
  return code.slice(0, offset).split('\n').length;
}

function shorten(text: string): string {
  const oneLine = text.replaceAll(/\s+/g, ' ');
  return oneLine.length > 100 ? `${oneLine.slice(0, 99)}…` : oneLine;
}
