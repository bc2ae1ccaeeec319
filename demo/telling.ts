import type { Scene } from './scene.ts';
import { wordsOf } from './words.ts';

/** Something was not as the demo says it is. */
export class NotAsClaimed extends Error {
  override name = 'NotAsClaimed';
}

/** Shows what is done, and makes sure of what is said. */
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

  /** A CSI call that must be refused with that gRPC code. Answers why it was. */
  async refused(name: string, code: number, request: object, send: () => Promise<object>): Promise<string> {
    const started = performance.now();
    const error = await send().then(
      () => undefined,
      (reason: { code?: number; details?: string }) => reason,
    );
    this.check(error?.code === code, `${name} was to be refused with code ${code}, and was not`);
    const details = error?.details ?? '';
    this.scene.call(name, wordsOf(request), [`refused: ${details}`], performance.now() - started);
    return details;
  }

  /** Ends the demo unless it is so. */
  check(so: boolean, otherwise: string): void {
    if (!so) throw new NotAsClaimed(otherwise);
  }

  /** Says that something is so, after making sure of it. */
  claim(text: string, so: boolean, found: unknown = 'not so'): void {
    this.check(so, `"${text}" is not true: ${String(found)}`);
    this.scene.claim(text);
  }
}

function orOk(words: readonly string[]): readonly string[] {
  return words.length === 0 ? ['OK'] : words;
}
