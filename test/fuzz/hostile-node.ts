import { createSecureContext } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { refusalCodes } from '../../src/fleet/server/refusals.ts';
import { connectPath, loadProtocol } from '../../src/fleet/wire/protocol.ts';
import type { ErrorInit } from '../../src/gen/quarry/fleet/v1/Error.ts';
import type { FromNodeInit } from '../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { RecordInit } from '../../src/gen/quarry/fleet/v1/Record.ts';
import type { ToNode } from '../../src/gen/quarry/fleet/v1/ToNode.ts';
import { encode, fleet, type Interface, loadProto, nodePools, nodeVolumes } from '../../src/grpc/load.ts';
import type { Random } from '../storm/random.ts';
import type { Certified } from '../support/certificates.ts';
import { generate } from './generate.ts';
import { driver, evil, farIds, farNames, ids } from './subjects.ts';
import { texts } from './texts.ts';
import { mutate, noise } from './wire.ts';

const protocol = loadProtocol();
const same = (bytes: Buffer): Buffer => bytes;
const typeIn = (proto: Interface, name: string) => loadProto(proto).lookupType(`${proto.package}.${name}`);
const fromNode = typeIn(fleet, 'FromNode');
const kinds = {
  volume: typeIn(nodeVolumes, 'Volume'),
  given: typeIn(nodeVolumes, 'Given'),
  pool: typeIn(nodePools, 'Pool'),
  'unready-pool': typeIn(nodePools, 'UnreadyPool'),
  node: typeIn(nodePools, 'Node'),
  job: typeIn(nodePools, 'Job'),
  notice: typeIn(nodePools, 'Notice'),
};
const replies = ['FindResponse', 'CreateResponse', 'RemoveResponse'].map((name) => typeIn(nodeVolumes, name));

const allowed: ReadonlySet<number> = new Set([...Object.values(refusalCodes), status.OK, status.CANCELLED]);
/** Without the names of volumes that are only for the victim. */
const lies = [...texts, ...farIds, ...farNames, ...ids, evil, 'fast'];

const hello = { oldestVersion: 1, newestVersion: 1, driver, driverVersion: '0.1.0', node: evil, instance: 'fuzz' };

/** A peer with the certificate of a node, which sends a controller anything. */
export class HostileNode {
  messages = 0;
  streams = 0;
  readonly findings: string[] = [];
  readonly #certified: Certified;
  readonly #ca: string;
  readonly #port: number;
  #stream: Stream | undefined;

  constructor(port: number, certified: Certified, ca: string) {
    this.#port = port;
    this.#certified = certified;
    this.#ca = ca;
  }

  /** Sends some messages, over a new stream if the last one has ended. Resolves when the controller has handled them. */
  async play(random: Random): Promise<void> {
    const usable = this.#stream?.isOver === false;
    const stream = this.#stream && usable ? this.#stream : await this.#dial(random);
    for (let count = random.below(6); count > 0 && !stream.isOver; count -= 1) {
      this.messages += 1;
      stream.send(messageOf(random));
    }
    await stream.settle();
  }

  close(): void {
    this.#stream?.close();
  }

  async #dial(random: Random): Promise<Stream> {
    this.streams += 1;
    const answer = (call: NonNullable<ToNode['call']>): Buffer => replyTo(call.id, random);
    const stream = new Stream(this.#port, { certified: this.#certified, ca: this.#ca, answer });
    this.#stream = stream;
    void stream.ended.then((error) => this.#judge(error));
    stream.send(write({ hello }));
    stream.send(reportOf([protocol.records.write('node', '', { defaultPool: 'fast' })], true));
    await stream.settle();
    return stream;
  }

  #judge({ code, details }: Ended): void {
    if (!allowed.has(code)) this.findings.push(`a hostile node was refused with ${status[code]}: ${details}`);
  }
}

type ErrorKind = NonNullable<ErrorInit['kind']>;
type Ended = Pick<ServiceError, 'code' | 'details'>;

interface StreamOptions {
  readonly certified: Certified;
  readonly ca: string;
  readonly answer: (call: NonNullable<ToNode['call']>) => Buffer;
}

class Stream {
  isOver = false;
  readonly ended: Promise<Ended>;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  #ponged = Promise.withResolvers<void>();

  constructor(port: number, { certified, ca, answer }: StreamOptions) {
    const context = createSecureContext({ ca, cert: certified.certificate, key: certified.key });
    this.#client = new Client(`ipv4:127.0.0.1:${port}`, credentials.createFromSecureContext(context), {
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
    this.#call = this.#client.makeBidiStreamRequest(connectPath, same, same);
    this.#call.on('error', () => undefined);
    this.#call.on('data', (bytes: Buffer) => {
      const { pong, call } = protocol.toNode(bytes);
      if (pong) this.#ponged.resolve();
      if (call) this.send(answer(call));
    });
    this.ended = new Promise((resolve) => {
      this.#call.on('status', (end: Ended) => resolve(end));
    });
    void this.ended.then(() => this.close());
  }

  send(bytes: Buffer): void {
    if (!this.isOver) this.#call.write(bytes);
  }

  /** Resolves when the controller has answered a ping, or has ended the stream. */
  async settle(): Promise<void> {
    this.#ponged = Promise.withResolvers<void>();
    this.send(write({ ping: { inventoryAgeMs: '0' } }));
    await Promise.race([this.#ponged.promise, this.ended]);
  }

  close(): void {
    this.isOver = true;
    this.#call.cancel();
    this.#client.close();
  }
}

function write(message: FromNodeInit): Buffer {
  return encode(fromNode, message);
}

function reportOf(records: RecordInit[], full: boolean): Buffer {
  return write({ records: { full, records } });
}

function messageOf(random: Random): Buffer {
  const sources = { random, texts: lies };
  const choice = random.below(100);
  if (choice < 60) return lie(random);
  if (choice < 70) return write({ ping: { inventoryAgeMs: random.pick(['0', '18446744073709551615', '5']) } });
  if (choice < 85) return replyTo(String(random.below(50)), random);
  if (choice < 88) return generate(fromNode, sources);
  if (choice < 91) return mutate(lie(random), random);
  if (choice < 93) return noise(random);
  if (choice < 96) return write({ credential: { token: random.pick(texts) } });
  return write(random.pick<FromNodeInit>([{ hello }, { records: { removed: [{ kind: 'pool', key: 'fast' }] } }, {}]));
}

/** A report whose records are of the known kinds, with any content. */
function lie(random: Random): Buffer {
  const records = Array.from({ length: 1 + random.below(3) }, () => {
    const kind = random.pick(Object.keys(kinds)) as keyof typeof kinds;
    const key = random.pick(lies);
    if (random.chance(0.5)) return goodRecord(random);
    return { kind: random.chance(0.1) ? key : kind, key, payload: generate(kinds[kind], { random, texts: lies }) };
  });
  return write({ records: { full: random.chance(0.1), more: random.chance(0.1), records } });
}

function goodRecord(random: Random): RecordInit {
  const name = random.pick(farNames);
  const id = `${evil}:${name}`;
  const size = random.pick(['4194304', '9223372036854775807', '0']);
  const pool = { extentSize: '4194304', size, free: size, deviceFree: [size], metadataSize: size, metadataFree: size };
  return random.pick([
    protocol.records.write('volume', id, { id, name, lv: name, pool: 'fast', group: 'vg', size, filesystem: 'none' }),
    protocol.records.write('pool', 'fast', { name: 'fast', group: 'vg', stripes: 1, stripeSize: '65536', ...pool }),
    protocol.records.write('job', `copy ${id}`, {
      kind: 'copy',
      pool: 'fast',
      volume: id,
      size,
      state: 'running',
      rate: size,
    }),
    protocol.records.write('notice', `JobFails ${id}`, { reason: 'JobFails', message: random.pick(lies), volume: id }),
    protocol.records.write('given', id, { to: random.pick(['n1', 'n2', evil]) }),
  ]);
}

function replyTo(id: string, random: Random): Buffer {
  const payload = generate(random.pick(replies), { random, texts: lies });
  // One more than there are.
  const kind = random.below(14) as ErrorKind;
  const error = { kind, message: random.pick(lies), node: random.pick(lies) };
  return write({ reply: { id, ...(random.chance(0.5) ? { payload } : { error }), more: random.chance(0.1) } });
}
