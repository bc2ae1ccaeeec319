import type { Agent } from '../agent.ts';
import { LabError } from '../command.ts';
import type { ExecOptions, ExecResult, Process } from '../process.ts';

/** An object of Kubernetes: the common fields, and any others. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** Kubernetes retries once a minute: capacity, and failed operations. The tests do not check how quick it is. */
const WAIT_SECONDS = 150;

/** Kubernetes' own client, as a program within the lab's network. */
export class Kubectl {
  readonly #host: Agent;
  readonly #argv: readonly string[];

  constructor(host: Agent, argv: readonly string[]) {
    this.#host = host;
    this.#argv = argv;
  }

  /** The same for another namespace than `default`. */
  within(namespace: string): Kubectl {
    return new Kubectl(this.#host, [...this.#argv, `--namespace=${namespace}`]);
  }

  /** Resolves also if kubectl fails. */
  try(args: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    return this.#host.exec([...this.#argv, ...args], options);
  }

  /** Returns stdout; throws with the output if kubectl fails. */
  async run(args: readonly string[], options?: ExecOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(args, options);
    if (exitCode === 0) return stdout;
    throw new LabError(`kubectl ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`);
  }

  start(args: readonly string[]): Promise<Process> {
    return this.#host.start([...this.#argv, ...args]);
  }

  async apply(...objects: readonly KubernetesObject[]): Promise<void> {
    await this.applyText(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** `text` is YAML or JSON. */
  async applyText(text: string): Promise<void> {
    await this.run(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: text });
  }

  /** The result of `get -o json` for one object; the caller gives its type. */
  async get<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.run(['get', ...words, '--output=json'])) as T;
  }

  /** Waits until the objects exist and the condition of `kubectl wait --for` is true; for `delete`, until they are gone. */
  async wait(condition: string, objects: readonly string[], seconds = WAIT_SECONDS): Promise<void> {
    const step = (what: string, names: readonly string[]): Promise<string> =>
      this.run(['wait', `--for=${what}`, `--timeout=${seconds}s`, ...names], { timeout: (seconds + 10) * 1000 });
    // `kubectl wait --for=create` fails at once for several objects that do not exist yet.
    try {
      if (condition !== 'delete') await Promise.all(objects.map((object) => step('create', [object])));
      await step(condition, objects);
    } catch (cause) {
      const { stdout } = await this.try(['describe', ...objects]);
      throw new LabError(`timed out: ${condition} of ${objects.join(', ')}\n${stdout}`, { cause });
    }
  }
}
