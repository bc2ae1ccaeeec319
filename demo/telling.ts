import type { Scene } from './scene.ts';
import { wordsOf } from './words.ts';

/** A claim of the demo is false. */
export class NotAsClaimed extends Error {
  override name = 'NotAsClaimed';
}

/** Shows each step, and verifies each claim. */
export class Teller {
  readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** A CSI call, shown with its answer. */
  async call<Request extends object, Answer extends object>(
    name: string,
    request: Request,
    send: (request: Request) => Promise<Answer>,
  ): Promise<Answer> {
    const started = performance.now();
    const answer = await send(request);
    this.scene.call(name, wordsOf(request), orOk(wordsOf(answer)), performance.now() - started);
    return answer;
  }

  /** A CSI call that must be refused with that gRPC code. Returns the reason. */
  async refused(name: string, code: number, request: object, send: () => Promise<object>): Promise<string> {
    const started = performance.now();
    const error = await send().then(
      () => undefined,
      (reason: { code?: number; details?: string }) => reason,
    );
    this.check(error?.code === code, `${name} should have been refused with code ${code}, and was not`);
    const details = error?.details ?? '';
    this.scene.call(name, wordsOf(request), [`refused: ${details}`], performance.now() - started);
    return details;
  }

  /** Ends the demo if the condition is false. */
  check(so: boolean, otherwise: string): void {
    if (!so) throw new NotAsClaimed(otherwise);
  }

  /** Prints a claim after verifying it. */
  claim(text: string, so: boolean, found: unknown = 'not so'): void {
    this.check(so, `"${text}" is not true: ${String(found)}`);
    this.scene.claim(text);
  }
}

function orOk(words: readonly string[]): readonly string[] {
  return words.length === 0 ? ['OK'] : words;
}
