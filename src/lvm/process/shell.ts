import { Failure } from '../../domain/errors.ts';
import type { Session, StartSession } from '../../exec/session.ts';
import type { LvmAnswer, LvmArguments } from './lvm.ts';
import { documentOf, errorLines, errorMessages, type LvmDocument, succeeded } from './report.ts';

/** lvm(8) splits a line at spaces and interprets quotes. We need neither, so no word may contain them. */
const safeWord = /^[A-Za-z0-9_+.\-/=!:&,%@]+$/;

export interface ShellOptions {
  readonly start: StartSession;
  /** The program, after the words that enter the host's namespaces: `['lvm']`. */
  readonly program: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds for an answer; then the process is killed. */
  readonly deadline: number;
}

/**
 * One long-lived `lvm` process, started at the first command and again after it died or was stuck.
 * With the profile that LVM ships for its D-Bus daemon, it answers each command with one JSON document on descriptor 3.
 * Commands must not use `--select` (the outcome of all later commands is lost, and their log contains freed memory) or `--devices`
 * (the next command crashes): both seen with LVM 2.03.31.
 */
export class LvmShell {
  readonly #options: ShellOptions;
  #session: Session | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  async run(argv: LvmArguments): Promise<LvmAnswer> {
    const turn = this.#tail.then(() => this.#answer(argv));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the process after the command in flight; the next command starts another. */
  restart(): void {
    this.#tail = this.#tail.then(() => this.#discard());
  }

  async #answer(argv: LvmArguments): Promise<LvmAnswer> {
    const document = await this.#exchange(argv);
    const ok = succeeded(document, argv[0]);
    if (ok === undefined) {
      this.#discard();
      throw unanswered(argv, 'did not say whether this command succeeded');
    }
    if (ok) return { ok, rows: document.rows };
    const messages = errorMessages(await this.#exchange(['lastlog']));
    // The log has LVM's errors; those of its helpers, such as thin_check, are only on stderr.
    return { ok, messages: [...messages, ...errorLines(this.#session?.stderr() ?? '')] };
  }

  async #exchange(argv: LvmArguments): Promise<LvmDocument> {
    const unsafe = argv.find((word) => !safeWord.test(word));
    if (unsafe !== undefined) throw new Failure('invalid', `"${unsafe}" cannot be passed to LVM`);
    const session = (this.#session ??= this.#open());
    if (argv[0] !== 'lastlog') session.stderr();
    const answer = await answerOf(session, argv, this.#options.deadline);
    session.onEnd(() => this.#discard(session));
    if (!(answer instanceof Failure)) return documentOf(answer.json);
    // The process gets no further command, because its next output may be the answer to this one.
    this.#session = undefined;
    const { pending } = await session.kill();
    throw new Failure('unavailable', answer.message, { pending });
  }

  #open(): Session {
    const { start, program, env } = this.#options;
    return start(program, { ...env, LVM_REPORT_FD: '3', LVM_COMMAND_PROFILE: 'lvmdbusd' });
  }

  #discard(session = this.#session): void {
    void session?.kill();
    if (this.#session === session) this.#session = undefined;
  }
}

interface Answer {
  readonly json: unknown;
}

/** The complete answer of this process to this command, or why there is none. */
function answerOf(session: Session, argv: LvmArguments, deadline: number): Promise<Answer | Failure> {
  const { promise, resolve } = Promise.withResolvers<Answer | Failure>();
  let buffer = '';
  session.onAnswer((text) => {
    buffer += text;
    const answer = parseWhole(buffer);
    if (answer) resolve(answer);
  });
  const late = (): void => resolve(unanswered(argv, `did not answer within ${deadline} ms and was killed`));
  const timer = setTimeout(late, deadline);
  session.onEnd((reason) => resolve(unanswered(argv, `ended before it answered: ${reason}`)));
  session.write(argv.join(' '));
  return promise.finally(() => clearTimeout(timer));
}

/** `undefined` for a part. LVM ends a document with a brace on a separate, slightly indented line. Other texts are not parsed, to save time. */
function parseWhole(text: string): Answer | undefined {
  if (!/\n ? ?\}\s*$/.test(text.slice(-8))) return undefined;
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function unanswered(argv: LvmArguments, reason: string): Failure {
  return new Failure('unavailable', `LVM ${reason}; what ${argv[0]} changed is not known`);
}
