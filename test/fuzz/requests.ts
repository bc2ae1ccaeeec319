import type protobuf from 'protobufjs';
import { largestMessage } from '../../src/grpc/call.ts';
import {
  admin,
  csi,
  decode,
  encode,
  type Interface,
  loadProto,
  methodsOf,
  pluginRegistration,
} from '../../src/grpc/load.ts';
import type { Random } from '../storm/random.ts';
import { topologyKey } from '../../src/domain/topology.ts';
import { generate, numbers } from './generate.ts';
import { driver, farIds, farNames, groups, ids, names, snapshots, stagings, targets, victim } from './subjects.ts';
import { texts } from './texts.ts';
import { valid } from './valid.ts';
import { framed, mutate, noise } from './wire.ts';

type Type = protobuf.Type;

export interface Method {
  /** As in HTTP/2: `/csi.v1.Identity/Probe`. */
  readonly path: string;
  readonly request: Type;
  readonly response: Type;
}

export interface Planned {
  /** What it is, for the tally: `valid`, `bent`, `generated`, `mutated`, `noise`, `oversized`, `frames`. */
  readonly kind: string;
  readonly method: Method;
  /** As sent, with gRPC's head. */
  readonly bytes: Buffer;
  /** The content, if it is a message. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  readonly cancelAfter?: number;
  /** Whether gRPC's own rules are broken, so that grpc-js answers and not the driver. */
  readonly broken?: boolean;
  /** Header fields that differ from those of a gRPC client. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls that make what the others need come more often. */
const productive = /Create\w+$|NodeStageVolume$|NodePublishVolume$/;

/** Every call of the interfaces, also those that the driver does not offer, each as often as it is to be chosen. */
export function allMethods(): Method[] {
  const methods = [csi, admin, pluginRegistration].flatMap(methodsIn);
  return methods.flatMap((method) => {
    const weight = productive.test(method.path) ? 24 : valid[method.path] ? 8 : 1;
    return Array.from({ length: weight }, () => method);
  });
}

export function methodsIn(proto: Interface): Method[] {
  const root = loadProto(proto);
  const services = root.lookup(proto.package) as protobuf.Namespace;
  return services.nestedArray
    .filter((nested) => 'methods' in nested)
    .flatMap((service) => methodsOf(root, service.fullName.slice(1)).map((method) => [service, method] as const))
    .map(([service, { name, resolvedRequestType, resolvedResponseType }]) => ({
      path: `/${service.fullName.slice(1)}/${name}`,
      request: resolvedRequestType,
      response: resolvedResponseType,
    }));
}

const known = [...names, ...ids, ...snapshots, ...groups, ...stagings, ...targets];
const words = ['fast', 'slow', topologyKey(driver), victim, 'readIops', 'pool', 'stripes', 'mkfsOptions'];

/** Texts for generated fields: hostile ones, and the names of what exists. */
export const sourceTexts: readonly string[] = [...texts, ...known, ...known, ...farNames, ...farIds, ...words];

/** One call in 50 is oversized or breaks gRPC's rules; one in 40 is given up by its caller. */
export function plan(methods: readonly Method[], random: Random): Planned {
  const method = random.pick(methods);
  if (random.chance(0.02)) return brokenFrames(method, random);
  const [kind, content] = contentFor(method, random);
  const cancelAfter = random.chance(0.025) ? random.below(8) : undefined;
  return {
    kind,
    method,
    bytes: framed(content),
    fields: content.length > largestMessage ? undefined : fieldsOf(method.request, content),
    ...(cancelAfter !== undefined && { cancelAfter }),
  };
}

export function contentFor({ path, request }: Method, random: Random): [kind: string, content: Buffer] {
  const make = valid[path];
  const good = (): Buffer => encode(request, make?.(random) ?? {});
  const choice = random.below(1000);
  if (choice === 0) return ['oversized', Buffer.alloc(largestMessage + 1)];
  if (choice < 60) return ['noise', noise(random)];
  if (choice < 350) return ['generated', generate(request, { random, texts: sourceTexts })];
  if (choice < 500) return ['mutated', mutate(good(), random)];
  if (choice < 700) return ['bent', bent(request, make?.(random) ?? {}, random)];
  return ['valid', good()];
}

/** A request that may be served, but for one text or number of it. */
function bent(type: Type, message: object, random: Random): Buffer {
  const places = valuesIn(message as Holder);
  if (places.length === 0) return encode(type, message);
  const [holder, key] = random.pick(places);
  const right = holder[key];
  const isNumber = typeof right === 'number' || (typeof right === 'string' && /^\d+$/.test(right));
  holder[key] = isNumber ? String(random.pick(numbers)) : random.pick(sourceTexts);
  try {
    return encode(type, message);
  } catch {
    // An enumeration, which has no such text.
    holder[key] = right;
    return encode(type, message);
  }
}

type Holder = Record<string, unknown>;

function valuesIn(holder: Holder): (readonly [Holder, string])[] {
  return Object.entries(holder).flatMap(([key, value]) => {
    if (typeof value === 'string' || typeof value === 'number') return [[holder, key] as const];
    return typeof value === 'object' && value !== null ? valuesIn(value as Holder) : [];
  });
}

/** `undefined` for bytes that are no message of the type. */
export function fieldsOf(type: Type, content: Buffer): Record<string, unknown> | undefined {
  try {
    return decode(type, content);
  } catch {
    return undefined;
  }
}

function brokenFrames(method: Method, random: Random): Planned {
  const content = generate(method.request, { random, texts: sourceTexts });
  const whole = framed(content);
  const compressed = Buffer.from(whole);
  compressed[0] = 1;
  const tooLong = Buffer.from(whole);
  tooLong.writeUInt32BE(0xffff_ffff, 1);
  const forms: readonly Pick<Planned, 'bytes' | 'headers'>[] = [
    { bytes: Buffer.alloc(0) },
    { bytes: whole.subarray(0, random.below(whole.length)) },
    { bytes: compressed },
    { bytes: compressed, headers: { 'grpc-encoding': 'gzip' } },
    { bytes: whole, headers: { 'grpc-encoding': 'fuzz' } },
    { bytes: tooLong },
    { bytes: Buffer.concat([whole, whole]) },
    { bytes: whole, headers: { 'content-type': random.pick(['text/plain', 'application/grpc+json', '']) } },
    { bytes: whole, headers: { 'grpc-timeout': random.pick(['1n', '99999999H', '-1S', 'x', '0m']) } },
    {
      bytes: whole,
      headers: { ':path': random.pick(['/', '//', '/csi.v1.Identity', '/csi.v1.Identity/__proto__', '*']) },
    },
    { bytes: whole, headers: { ':method': random.pick(['GET', 'PUT', 'OPTIONS']) } },
    { bytes: whole, headers: { 'fuzz-bin': '!!!', authorization: 'x'.repeat(4000) } },
  ];
  return { kind: 'frames', method, ...random.pick(forms), fields: fieldsOf(method.request, content), broken: true };
}
