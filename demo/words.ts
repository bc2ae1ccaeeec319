import { formatBytes } from '../src/domain/bytes.ts';

/** The leaves of a message as `key=value`, with readable sizes, without empty ones: `name=pvc-db requiredBytes=256 MiB`. */
export function wordsOf(message: object): string[] {
  return Object.entries(message).flatMap(([key, value]) => wordsOfField(key, value));
}

function wordsOfField(key: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => wordsOfField(key, item));
  if (typeof value === 'object' && value !== null) return wordsOfMessage(key, value);
  if (typeof value === 'string' && value !== '') return [`${key}=${readable(key, value)}`];
  return value === true || typeof value === 'number' ? [`${key}=${value}`] : [];
}

function wordsOfMessage(key: string, message: object): string[] {
  const fields = Object.entries(message);
  // Raw block access is an empty message: only its presence matters.
  if (fields.length === 0) return key === 'block' ? [key] : [];
  return fields.flatMap(([name, value]) => wordsOfField(name === 'value' ? key : name, value));
}

function readable(key: string, value: string): string {
  return /bytes$|capacity$|size$/i.test(key) && /^\d+$/.test(value) ? formatBytes(BigInt(value)) : value;
}
