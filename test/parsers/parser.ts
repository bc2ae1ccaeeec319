/** Reads bytes that another program, a disk or a user made. */
export interface Parser {
  readonly name: string;
  /** What it reads in service. */
  readonly examples: readonly Buffer[];
  /** Returns what is wrong with what it made of the input; `undefined`: nothing. It may throw what it says that it throws. */
  readonly check: (input: Buffer) => string | undefined;
  /** Whether it may throw this. */
  readonly mayThrow: (error: unknown) => boolean;
}

/** What is wrong with the parser, as this input shows; `undefined`: nothing. */
export function problemOf({ name, check, mayThrow }: Parser, input: Buffer): string | undefined {
  const problem = attempt(check, mayThrow, input);
  return problem === undefined ? undefined : `${name}: ${problem}, of ${input.toString('base64')}`;
}

function attempt(check: Parser['check'], mayThrow: Parser['mayThrow'], input: Buffer): string | undefined {
  try {
    return check(input);
  } catch (error) {
    return mayThrow(error) ? undefined : `it throws ${String(error)}`;
  }
}
