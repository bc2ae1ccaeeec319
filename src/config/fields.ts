import * as z from 'zod';
import { type Bytes, formatBytes, parseBytes } from '../domain/bytes.ts';
import { parseRate } from '../domain/qos-parameters.ts';
import { parseCount, parseDuration, parsePercent, parseRatio } from './units.ts';

/** How a number is written in the file, for the reference. */
export const units = z.registry<{ readonly unit: 'duration' | 'percent' }>();

/** A mapping that accepts only the keys of the shape; the error for another key lists them. */
export function section<Shape extends z.core.$ZodShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') return `unknown key; known here: ${known}`;
      return issue.input === undefined ? 'is missing' : `must be a mapping with the keys ${known}`;
    },
  });
}

export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: (issue) => (issue.input === undefined ? 'is missing' : 'must be a list') });
}

export function choice<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, {
    error: (issue) => (issue.input === undefined ? 'is missing' : `must be one of ${values.join(', ')}`),
  });
}

/**
 * A text or a number, parsed by `read`, which returns `undefined` for an invalid text; `check` returns what is wrong with the parsed value.
 */
export function scalar<T>(
  expected: string,
  read: (text: string) => T | undefined,
  check?: (value: T) => string | undefined,
) {
  const error = (issue: { input?: unknown }) => (issue.input === undefined ? 'is missing' : expected);
  return z.union([z.string(), z.number()], { error }).transform((input, context): T => {
    // YAML has already rounded an integer beyond 2^53.
    const exact = typeof input === 'string' || !Number.isInteger(input) || Number.isSafeInteger(input);
    const value = exact ? read(String(input)) : undefined;
    const problem = value === undefined ? expected : check?.(value);
    if (value !== undefined && problem === undefined) return value;
    context.addIssue({ code: 'custom', message: problem ?? expected });
    return z.NEVER;
  });
}

const largestSize = 2n ** 63n - 1n;

export function bytes(least: Bytes = 0n, most: Bytes = largestSize) {
  return scalar('must be a size such as 100Gi, 64Ki or a number of bytes', parseBytes, (size) =>
    size < least || size > most ? `must be between ${formatBytes(least)} and ${formatBytes(most)}` : undefined,
  );
}

/** Operations or bytes a second. */
export function rate() {
  return scalar('must be a rate such as 500, 100k or 2Gi, from 1 to 1P', parseRate);
}

export function percent(least: number, most: number) {
  return scalar('must be a whole percentage such as 80%', parsePercent, (value) =>
    value < least || value > most ? `must be between ${least} and ${most} percent` : undefined,
  ).register(units, { unit: 'percent' });
}

/** In milliseconds. */
export function duration(least: string, most: string) {
  const [from, to] = [parseDuration(least) ?? 0, parseDuration(most) ?? 0];
  return scalar('must be a duration such as 500ms, 30s or 5m', parseDuration, (value) =>
    value < from || value > to ? `must be between ${least} and ${most}` : undefined,
  ).register(units, { unit: 'duration' });
}

export function count(least: number, most: number) {
  const expected = `must be a whole number between ${least} and ${most}`;
  return scalar(expected, parseCount, (value) => (value < least || value > most ? expected : undefined));
}

export function ratio(least: number, most: number) {
  const expected = `must be a number between ${least} and ${most}`;
  return scalar(expected, parseRatio, (value) => (value < least || value > most ? expected : undefined));
}

export function flag() {
  return z.boolean({ error: 'must be true or false' });
}
