import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../../lab/kubernetes/cluster.ts';
import type { KubernetesObject } from '../../../lab/kubernetes/kubectl.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubernetesObject;
}

/** The API server through `kubectl proxy`, over connections that stay open: a call needs no new program and no handshake. */
export class Api implements Disposable {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #watches: IncomingMessage[] = [];

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  static async open({ kubectl, folder }: Cluster): Promise<Api> {
    const socketPath = join(folder, 'bench.sock');
    const proxy = await kubectl.start(['proxy', `--unix-socket=${socketPath}`]);
    await proxy.stdout.waitFor(/Starting to serve/, 20_000);
    return new Api(socketPath);
  }

  create(path: string, object: KubernetesObject): Promise<void> {
    return this.#call('POST', path, object);
  }

  remove(path: string): Promise<void> {
    return this.#call('DELETE', path);
  }

  /** Reports every object below a path, first the existing ones, until this ends. */
  async watch(path: string, tell: (event: WatchEvent) => void): Promise<void> {
    const answer = await this.#ask('GET', `${path}?watch=true`);
    this.#watches.push(answer);
    createInterface({ input: answer }).on('line', (line) => tell(JSON.parse(line) as WatchEvent));
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch.destroy();
    this.#agent.destroy();
  }

  async #call(method: string, path: string, body?: KubernetesObject): Promise<void> {
    const answer = await this.#ask(method, path, body);
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    const { statusCode = 0 } = answer;
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
  }

  #ask(method: string, path: string, body?: KubernetesObject): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = { 'content-type': 'application/json' };
    const call = request({ socketPath: this.#socketPath, agent: this.#agent, method, path, headers }, resolve);
    call.on('error', reject).end(body && JSON.stringify(body));
    return promise;
  }
}
