import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';

const officialModule = 'github.com/container-storage-interface/spec@v1.13.0';
const ours = readFileSync(join(import.meta.dirname, '../../../proto/csi.proto'), 'utf8');

function officialProto(): string {
  try {
    const json = execFileSync('go', ['mod', 'download', '-json', officialModule], { encoding: 'utf8' });
    const { Dir } = JSON.parse(json) as { Dir: string };
    return readFileSync(join(Dir, 'csi.proto'), 'utf8');
  } catch (cause) {
    throw new Error(`this test needs Go, which fetches ${officialModule}: run npm run setup`, { cause });
  }
}

/** Every leaf of the descriptor as `path: value`: types, numbers, labels, oneofs, options, reserved numbers, streaming. */
function facts(source: string): string[] {
  const { root, imports, package: name } = protobuf.parse(source, { keepCase: true });
  const lines = [`package: ${name}`, `imports: ${imports?.toSorted().join(' ')}`];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) walk(child, `${path}/${key}`);
      if (Object.keys(value).length === 0) lines.push(`${path}: {}`);
      return;
    }
    // A leading dot only says that the name is complete.
    lines.push(`${path}: ${String(value).replace(/^\./, '')}`);
  };
  walk(root.toJSON(), '');
  return lines.toSorted();
}

test('the interface is the official one, field by field', () => {
  const official = facts(officialProto());
  expect(official.length).toBeGreaterThan(700);
  expect(facts(ours)).toEqual(official);
});

test('no number can change unnoticed', () => {
  const before = facts(ours).join('\n');
  for (const { index, 0: text } of ours.matchAll(/= \d+(?=[ ;])/g)) {
    const changed = `${ours.slice(0, index)}= 4711${ours.slice(index + text.length)}`;
    expect(facts(changed).join('\n'), `at offset ${index}`).not.toBe(before);
  }
});

test.each([
  ['an option is dropped', ' [(csi_secret) = true]', ''],
  ['an option of a method is dropped', 'option (alpha_method) = true;', ''],
  ['a stream becomes unary', 'returns (stream ', 'returns ('],
  ['a repeated field becomes single', 'repeated ', ''],
  ['a type changes', 'int64 required_bytes', 'int32 required_bytes'],
  ['a field leaves its oneof', 'oneof type {\n    RPC rpc = 1;\n  }', 'RPC rpc = 1;'],
  ['a value of an enum is renamed', 'DATA_LOSS', 'LOSS'],
  ['a reserved number is freed', 'reserved 11;', ''],
])('it shows when %s', (_what, search, replacement) => {
  expect(ours).toContain(search);
  expect(facts(ours.replace(search, replacement))).not.toEqual(facts(ours));
});
