import type { Mutant } from './mutants.ts';
import { type Hits, recordUnitTests, type Selection, startMutantTests, type TestFailure } from './unit-tests.ts';

// A process of its own, because a mutant may loop for ever or end its process: main.ts ends it then, and starts another.

export type Request =
  | { readonly record: readonly string[] }
  | { readonly mutant: Mutant; readonly selections: readonly Selection[] };

export type Answer =
  | { readonly hits: readonly Hits[] }
  | { readonly failure: TestFailure | undefined }
  | { readonly error: string };

const answer = (message: Answer): void => void process.send?.(message);
let tests: ReturnType<typeof startMutantTests> | undefined;

async function handle(request: Request): Promise<Answer> {
  if ('record' in request) return { hits: await recordUnitTests(request.record) };
  tests ??= startMutantTests();
  return { failure: await (await tests).run(request.mutant, request.selections) };
}

process.on('message', (request: Request) => {
  handle(request).then(answer, (error: unknown) =>
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(1));
// Errors of mutants that no test awaits are counted by Vitest; those that reach this process too must not end it.
process.on('uncaughtException', (error) => console.error(error));
