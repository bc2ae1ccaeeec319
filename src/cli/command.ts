import { Failure } from '../domain/errors.ts';
import { type Format, formats, type Listing, print, type Rows } from './output.ts';

/** Exit codes of every command; the reference is made from this. */
export const exitCodes = {
  0: 'done',
  1: 'the command failed, with the reason on stderr',
  2: 'wrong arguments or configuration, with the problem on stderr',
} as const;

const defaultConfig = '/etc/quarry/config.yaml';

/** One or more words after the name of a command. */
export interface Argument<T> {
  readonly help: string;
  readonly count: 'one' | 'optional' | 'many';
  readonly choices?: readonly string[];
  readonly parse: (words: readonly string[]) => T;
}

export interface Option<T> {
  readonly help: string;
  /** The placeholder of the value in help; an option without one is a switch. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly file?: boolean;
  /** The default, as help shows it. */
  readonly fallback?: string;
  /** `given` is undefined if the option is absent. Throws Failure('invalid') that names the option. */
  readonly parse: (given: string | boolean | undefined, flag: string) => T;
}

/** An argument of exactly one word. */
export function word(help: string): Argument<string> {
  return { help, count: 'one', parse: ([only = '']) => only };
}

export function words(help: string): Argument<readonly string[]> {
  return { help, count: 'many', parse: (all) => all };
}

export function oneOf<const T extends string>(help: string, choices: readonly T[]): Argument<T> {
  return { help, count: 'one', choices, parse: ([only]) => only as T };
}

export function optionalOneOf<const T extends string>(help: string, choices: readonly T[], otherwise: T): Argument<T> {
  const parse = ([only]: readonly string[]): T => (only as T | undefined) ?? otherwise;
  return { help: `${help}; default: ${otherwise}`, count: 'optional', choices, parse };
}

/** A switch: false unless given. */
export function flag(help: string): Option<boolean> {
  return { help, parse: (given) => given === true };
}

/** One of several words; undefined unless given. */
export function choice<const T extends string>(
  help: string,
  value: string,
  choices: readonly T[],
): Option<T | undefined> {
  return { help, value, choices, parse: (given) => given as T | undefined };
}

/** Any text; undefined unless given. */
export function named(help: string, value: string): Option<string | undefined> {
  return { help, value, parse: (given) => (typeof given === 'string' ? given : undefined) };
}

/** A whole number from 1 to 9999. */
export function count(help: string, otherwise: number): Option<number> {
  const parse = (given: string | boolean | undefined, name: string): number => {
    const text = given ?? String(otherwise);
    if (typeof text === 'string' && /^[1-9]\d{0,3}$/.test(text)) return Number(text);
    throw new Failure('invalid', `${name} ${text} must be a whole number from 1 to 9999`);
  };
  return { help, value: 'N', fallback: String(otherwise), parse };
}

const config: Option<string> = {
  help: 'the configuration',
  value: 'FILE',
  file: true,
  fallback: defaultConfig,
  parse: (given) => (typeof given === 'string' ? given : defaultConfig),
};

/** How the result is printed; every command that prints rows has it. */
export const output: Option<Format> = {
  ...choice('how rows are printed', 'FORMAT', formats),
  fallback: 'table',
  parse: (given) => (given as Format | undefined) ?? 'table',
};

/** Of a command that asks a role: `runCommandLine` runs it again and again. */
export const watch: Option<boolean> = flag('print the result again every two seconds, until it is interrupted');

/** Keys are the names in camel case: `whileInUse` is `--while-in-use`. */
type Arguments = Readonly<Record<string, Argument<unknown>>>;
export type Options = Readonly<Record<string, Option<unknown>>>;

type Parsed<Parts> = {
  readonly [Key in keyof Parts]: Parts[Key] extends { parse: (...given: never[]) => infer T } ? T : never;
};

export type Given<A, O> = Parsed<A> & Parsed<O> & { readonly config: string };

/** Remarks and questions to the user of a command; its result goes to stdout. */
export interface Terminal {
  /** Writes a line to stderr. */
  readonly say: (line: string) => void;
  /** Throws Failure('invalid') with the advice if there is no terminal to answer on. */
  readonly ask: (question: string, advice: string) => Promise<string>;
  /** Writes a result to stdout, over the one before. */
  readonly show: (result: string) => void;
  /** Resolves with true when it is time to show the next result, and with false if no more is wanted. */
  readonly again: () => Promise<boolean>;
  /** Lets the command end with 1 after its result is printed. */
  readonly fail: () => void;
}

interface Spec<A extends Arguments, O extends Options> {
  /** All its words: `disks approve`. */
  readonly name: string;
  /** One line, without full stop. */
  readonly summary: string;
  readonly details?: string;
  /** `here`: reads this machine; `node`, `controller`: asks the role that runs on this machine, over its socket; `nowhere`: needs neither. */
  readonly where: 'here' | 'node' | 'controller' | 'nowhere';
  readonly arguments?: A;
  readonly options?: O;
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** When the command ends with 1. */
  readonly failsWhen?: string;
}

/** A command without type parameters: help, completion and the reference read it, and `run` runs it. */
export interface Command extends Omit<Spec<Arguments, Options>, 'arguments' | 'options'> {
  readonly arguments: Arguments;
  /** With the options that every command of its kind has. */
  readonly options: Options;
  /** Name and meaning of each field of a record in JSON and YAML; absent if the command prints no rows. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Resolves with the text for stdout. */
  readonly run: (given: Readonly<Record<string, unknown>>, terminal: Terminal) => Promise<string>;
}

/** A command that prints text, or nothing. */
export function command<const A extends Arguments, const O extends Options>(
  spec: Spec<A, O> & { readonly run: (given: Given<A, O>, terminal: Terminal) => Promise<string> },
): Command {
  const options = { ...spec.options, ...(spec.where !== 'nowhere' && { config }) };
  return { ...spec, arguments: spec.arguments ?? {}, options, run: (given, to) => spec.run(given as Given<A, O>, to) };
}

/** A command that prints rows: a table for people, JSON or YAML for programs. */
export function listing<R extends object, const A extends Arguments, const O extends Options>(
  spec: Spec<A, O> & {
    readonly rows: Rows<R>;
    readonly run: (given: Given<A, O>, terminal: Terminal) => Promise<Listing<R>>;
  },
): Command {
  const { rows, run, ...rest } = spec;
  const made = command<A, O>({
    ...rest,
    run: async (given, terminal) =>
      print(rows, await run(given, terminal), (given as { readonly output?: Format }).output ?? 'table'),
  });
  const asks = spec.where === 'node' || spec.where === 'controller';
  return { ...made, options: { ...spec.options, output, ...(asks && { watch }), config }, fields: rows.fields };
}

/** `whileInUse` → `--while-in-use`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `-o`: only the option that is typed often has a short form. */
export function shortOf(key: string): string | undefined {
  return key === 'output' ? '-o' : undefined;
}
