import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { loadProtocol } from '../../src/fleet/wire/protocol.ts';
import type { FromNode } from '../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { ToNode, ToNodeInit } from '../../src/gen/quarry/fleet/v1/ToNode.ts';
import { fleet, loadProto, nodeSnapshots, nodeVolumes } from '../../src/grpc/load.ts';
import type { Random } from '../storm/random.ts';
import type { Authority } from '../support/certificates.ts';
import { isAllowedKind } from './codes.ts';
import { generate } from './generate.ts';
import { type Effect, effectsOf } from './model.ts';
import { contentFor, fieldsOf, methodsIn, sourceTexts } from './requests.ts';
import { mutate, noise } from './wire.ts';

const protocol = loadProtocol();
const methods = [nodeVolumes, nodeSnapshots].flatMap(methodsIn);
/** Its reply is a stream that may wait for credit. */
const streamed = 'quarry.node.v1.Snapshots/ListBlocks';
const toNode = loadProto(fleet).lookupType(`${fleet.package}.ToNode`);

type Call = NonNullable<ToNode['call']>;
type Reply = NonNullable<FromNode['reply']>;

/** A peer with the certificate of a controller, which a node dials, and which sends it anything. */
export class HostileController {
  messages = 0;
  streams = 0;
  readonly findings: string[] = [];
  readonly #server = new Server();
  #stream: Stream | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor() {
    this.#server.addService(protocol.definition, {
      connect: (call: ServerDuplexStream<Buffer, Buffer>) => {
        this.streams += 1;
        this.#stream = new Stream(call);
        this.#arrived.resolve();
      },
    });
  }

  async listen(authority: Authority): Promise<number> {
    const { certificate, key } = authority.issue({ name: 'controller', dns: ['localhost'], usage: 'server' });
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (error, port) =>
      error ? reject(error) : resolve(port),
    );
    return promise;
  }

  /**
   * Sends some calls, and resolves when the node has answered them. With `violently` also messages for which the node leaves: it dials
   * again.
   */
  async play(random: Random, violently: boolean): Promise<Effect[]> {
    while (!this.#stream || this.#stream.isOver) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers<void>();
    }
    const stream = this.#stream;
    const sent = Array.from({ length: 1 + random.below(4) }, () => this.#send(stream, callOf(stream, random)));
    if (violently) {
      sent.push(...Array.from({ length: 3 }, () => this.#send(stream, violence(stream, random))));
      stream.end();
    }
    const answered = await Promise.all(sent.map(async (call) => (call ? this.#judge(call, stream) : [])));
    return answered.flat();
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** The call in the message that the node has to answer; it ignores one whose id does not rise. */
  #send(stream: Stream, bytes: Buffer): Call | undefined {
    this.messages += 1;
    stream.send(bytes);
    const call = callIn(bytes);
    if (!call || BigInt(call.id) <= stream.highestId) return undefined;
    stream.highestId = BigInt(call.id);
    return call.method === streamed ? undefined : call;
  }

  async #judge(call: Call, stream: Stream): Promise<Effect[]> {
    const method = methods.find(({ path }) => path === `/${call.method}`);
    const reply = await stream.replyTo(call.id);
    if (reply?.error && !isAllowedKind(reply.error.kind)) {
      this.findings.push(
        `${call.method}: the node answers ${reply.error.kind}, payload ${call.payload.toString('base64', 0, 2000)}`,
      );
    }
    if (!method) return [];
    const code = reply?.error ? reply.error.kind : reply ? 'OK' : 'none';
    const answer = reply?.payload ? fieldsOf(method.response, reply.payload) : undefined;
    return effectsOf({ path: method.path, request: fieldsOf(method.request, call.payload), code, reply: answer });
  }
}

class Stream {
  isOver = false;
  lastId = 0n;
  /** Of the calls that were sent. */
  highestId = 0n;
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #replies = new Map<string, PromiseWithResolvers<Reply | undefined>>();
  readonly #ended = Promise.withResolvers<undefined>();

  constructor(call: ServerDuplexStream<Buffer, Buffer>) {
    this.#call = call;
    call.on('data', (bytes: Buffer) => {
      const { reply } = protocol.fromNode(bytes);
      if (reply) this.#replies.get(reply.id)?.resolve(reply);
    });
    call.on('error', () => this.#over());
    call.on('end', () => this.#over());
    call.on('cancelled', () => this.#over());
    this.send(
      protocol.writeToNode({ welcome: { version: 1, driverVersion: 'fuzz', pingEveryMs: 5000, silenceMs: 60_000 } }),
    );
  }

  send(bytes: Buffer): void {
    if (!this.isOver) this.#call.write(bytes);
  }

  end(): void {
    this.#call.end();
  }

  /** `undefined`: the stream has ended without one. */
  async replyTo(id: string): Promise<Reply | undefined> {
    const reply = await Promise.race([this.#waitFor(id).promise, this.#ended.promise]);
    this.#replies.delete(id);
    return reply;
  }

  #waitFor(id: string): PromiseWithResolvers<Reply | undefined> {
    const waiting = this.#replies.get(id) ?? Promise.withResolvers<Reply | undefined>();
    this.#replies.set(id, waiting);
    return waiting;
  }

  #over(): void {
    this.isOver = true;
    this.#ended.resolve(undefined);
  }
}

function callIn(bytes: Buffer): Call | undefined {
  try {
    return protocol.toNode(bytes).call ?? undefined;
  } catch {
    return undefined;
  }
}

const foreign = ['', 'quarry.node.v1.Volumes/__proto__', 'constructor', 'csi.v1.Identity/Probe', 'x'.repeat(10_000)];

/** A call that the node has to answer. */
function callOf(stream: Stream, random: Random): Buffer {
  stream.lastId += 1n;
  const method = random.pick(methods);
  const [kind, content] = contentFor(method, random);
  return protocol.writeToNode({
    call: {
      id: String(stream.lastId),
      method: random.chance(0.1) ? random.pick(foreign) : method.path.slice(1),
      // A larger one would end the stream.
      payload: kind === 'oversized' ? Buffer.alloc(0) : content.subarray(0, 200_000),
      credit: random.pick([0, 1, 2 ** 32 - 1]),
      timeoutMs: random.pick(['0', '60000', '18446744073709551615', '1']),
    },
  });
}

function violence(stream: Stream, random: Random): Buffer {
  const sources = { random, texts: sourceTexts };
  const ids = ['0', '1', '18446744073709551615', String(stream.lastId)];
  return random.pick<() => Buffer>([
    () => generate(toNode, sources),
    () => mutate(callOf(stream, random), random),
    () => noise(random),
    () => Buffer.alloc(300_000),
    () =>
      protocol.writeToNode(
        random.pick<ToNodeInit>([
          { welcome: { version: 1, pingEveryMs: 0, silenceMs: 0 } },
          { cancel: { id: random.pick(ids) } },
          { credit: { id: random.pick(ids), count: 2 ** 32 - 1 } },
          { pong: {} },
          {},
        ]),
      ),
  ])();
}
