import { setTimeout as sleep } from 'node:timers/promises';
import type { Guest } from '../lab/guest.ts';
import type { Process } from '../lab/process.ts';
import { createCsiClient, type CsiClient } from '../test/support/csi-client.ts';
import { PROGRAM } from '../test/support/program.ts';
import type { Scene } from './scene.ts';
import { NotAsClaimed, Teller } from './telling.ts';

const program = ['/quarry/node_modules/.bin/node', PROGRAM] as const;
const endpoint = '/run/quarry/csi.sock';
const readyWithin = 30_000;

/** The virtual machine of a demo with the driver in it; every step through it is shown. */
export class Machine {
  readonly guest: Guest;
  readonly scene: Scene;
  readonly #teller: Teller;
  #driver: Process | undefined;
  #client: CsiClient | undefined;
  #log = '';

  constructor(guest: Guest, scene: Scene) {
    this.guest = guest;
    this.scene = scene;
    this.#teller = new Teller(scene);
  }

  get csi(): CsiClient {
    if (!this.#client) throw new Error('the driver was not started');
    return this.#client;
  }

  /** The driver's log since its first start. */
  get log(): string {
    return this.#log + (this.#driver ? this.#driver.stdout.text + this.#driver.stderr.text : '');
  }

  /** Starts `quarry all` and waits until its Probe answers ready. Returns milliseconds. */
  async startDriver(): Promise<number> {
    const started = performance.now();
    this.#driver = await this.guest.start([...program, 'all']);
    this.#client = createCsiClient(`unix://${await this.guest.forward(endpoint)}`);
    while (!(await this.#isReady())) {
      if (performance.now() - started > readyWithin) throw new NotAsClaimed('the driver did not become ready');
      await sleep(50);
    }
    return performance.now() - started;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await this.csi.identity.probe({}, { deadlineMs: 1000 })).ready?.value === true;
    } catch {
      return false;
    }
  }

  /** Writes the driver's configuration, in YAML. */
  async configure(config: string): Promise<void> {
    await this.guest.shell(`mkdir -p /etc/quarry; cat > /etc/quarry/config.yaml <<'END'\n${config}END`);
  }

  /** Restarts the driver, whose configuration may have changed. */
  async restartDriver(): Promise<void> {
    const running = this.#driver;
    running?.kill('SIGTERM');
    await running?.exited;
    this.close();
    await this.startDriver();
  }

  /** Waits for a line of the driver's log. */
  async logged(text: string): Promise<void> {
    await this.#driver?.stdout.waitFor(text);
  }

  /** Makes the driver rescan the disks now. */
  wakeDriver(): void {
    this.#driver?.kill('SIGHUP');
  }

  async cutPower(): Promise<void> {
    this.close();
    await this.guest.powerCut();
  }

  close(): void {
    this.#log = this.log;
    this.#driver = undefined;
    this.#client?.close();
    this.#client = undefined;
  }

  /** A command of the machine, shown with its output. */
  async shell(command: string): Promise<string> {
    const output = await this.guest.shell(command);
    this.scene.shell(command, output);
    return output;
  }

  /** Runs the command line, and shows its output. */
  async quarry(...words: string[]): Promise<string> {
    const result = await this.guest.exec([...program, ...words]);
    this.scene.shell(['quarry', ...words].join(' '), result.stdout + result.stderr);
    this.check(result.exitCode === 0, `quarry ${words.join(' ')} ended with exit code ${result.exitCode}`);
    return result.stdout;
  }

  /** A CSI call, shown with its answer. */
  async call<Request extends object, Answer extends object>(
    name: string,
    request: Request,
    send: (request: Request) => Promise<Answer>,
  ): Promise<Answer> {
    return this.#teller.call(name, request, send);
  }

  /** A CSI call that the driver must refuse with that gRPC code. */
  async refused(name: string, code: number, request: object, send: () => Promise<object>): Promise<void> {
    await this.#teller.refused(name, code, request, send);
  }

  /** Ends the demo if the condition is false. */
  check(so: boolean, otherwise: string): void {
    this.#teller.check(so, otherwise);
  }

  /** Prints a claim after verifying it. */
  claim(text: string, so: boolean, found: unknown = 'not so'): void {
    this.#teller.claim(text, so, found);
  }
}
