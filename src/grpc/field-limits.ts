import protobuf from 'protobufjs';
import { Failure } from '../domain/errors.ts';
import { tokensKey } from './redact.ts';

/** Bytes. CSI sets the first two for every field and overrides them for node ids; Linux sets the length of a path. */
const longestString = 128;
const largestMap = 4096;
const longestNodeId = 256;
const longestPath = 4096;

/** The most problems in one message: a request can have thousands, and a gRPC status has no room for them. */
const mostNamed = 20;

/** Control characters except tab, line feed and carriage return: CSI bans them from the names of volumes and snapshots. */
const bannedInNames = /[^\P{Cc}\t\n\r]/u;

/**
 * Checks a decoded request against the size limits of CSI.
 *
 * @throws Failure('invalid') that names every field over its limit by its dotted name in the interface, without its value
 */
export function checkFieldLimits(type: protobuf.Type, message: Readonly<Record<string, unknown>>): void {
  const problems = [...problemsIn(type, message, '')];
  if (problems.length === 0) return;
  const rest = problems.length > mostNamed ? `; and ${problems.length - mostNamed} more` : '';
  throw new Failure('invalid', `${problems.slice(0, mostNamed).join('; ')}${rest}`);
}

function* problemsIn(
  type: protobuf.Type,
  message: Readonly<Record<string, unknown>>,
  prefix: string,
): Generator<string> {
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    yield* problemsInField(field, value, `${prefix}${interfaceName(field)}`);
  }
}

function* problemsInField(field: protobuf.Field, value: unknown, path: string): Generator<string> {
  if (field.map) yield* problemsInMap(value as Record<string, unknown>, path);
  else if (field.name === 'mountFlags') yield* problemsInFlags(value as string[], path);
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* problemsInValue(field, item, `${path}[${index}]`);
  } else yield* problemsInValue(field, value, path);
}

function* problemsInValue(field: protobuf.Field, value: unknown, path: string): Generator<string> {
  if (field.resolvedType instanceof protobuf.Type) {
    yield* problemsIn(field.resolvedType, value as Record<string, unknown>, `${path}.`);
  } else if (typeof value === 'string' && field.type === 'string') {
    yield* overLimit(path, Buffer.byteLength(value), limitOf(field));
    if (field.name === 'name' && bannedInNames.test(value)) yield `${path} has a control character`;
    if (isPath(field) && value.includes('\0')) yield `${path} has a zero byte`;
  }
}

/** Excludes kubelet's tokens: kubelet adds them to a context that was within the limit, and two of them can exceed it. */
function* problemsInMap(map: Readonly<Record<string, unknown>>, path: string): Generator<string> {
  const entries = Object.entries(map).filter(([key]) => key !== tokensKey);
  const size = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
  yield* overLimit(path, size, largestMap);
}

/** Limits all mount flags together, like a map: one SELinux context can exceed 128 bytes. */
function* problemsInFlags(flags: readonly string[], path: string): Generator<string> {
  const size = flags.reduce((sum, flag) => sum + Buffer.byteLength(flag), 0);
  yield* overLimit(path, size, largestMap);
}

function* overLimit(path: string, size: number, limit: number): Generator<string> {
  if (size > limit) yield `${path} is ${size} bytes long, the limit is ${limit}`;
}

function limitOf(field: protobuf.Field): number {
  if (field.name === 'nodeId') return longestNodeId;
  return isPath(field) ? longestPath : longestString;
}

function isPath(field: protobuf.Field): boolean {
  return field.name.endsWith('Path');
}

/** volumeId → volume_id, the name in the specification and in every CSI log. */
function interfaceName(field: protobuf.Field): string {
  return field.name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
