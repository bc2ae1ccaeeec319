import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

/** A proto from a Go module of its owner. */
export function officialProto(module: string, path: string): string {
  try {
    const json = execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' });
    const { Dir } = JSON.parse(json) as { Dir: string };
    return readFileSync(join(Dir, path), 'utf8');
  } catch (cause) {
    throw new Error(`this test needs Go, which fetches ${module}: run npm run setup`, { cause });
  }
}

/** Every leaf of the descriptor as `path: value`: types, numbers, labels, oneofs, options, reserved numbers, streaming. */
export function facts(source: string): string[] {
  const { root, imports, package: name } = protobuf.parse(source, { keepCase: true });
  const lines = [`package: ${name}`, `imports: ${imports?.toSorted().join(' ')}`];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) walk(child, `${path}/${key}`);
      if (Object.keys(value).length === 0) lines.push(`${path}: {}`);
      return;
    }
    // A leading dot only marks a full name.
    lines.push(`${path}: ${String(value).replace(/^\./, '')}`);
  };
  walk(root.toJSON(), '');
  return lines.toSorted();
}
