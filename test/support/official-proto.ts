import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { labPaths } from '../../lab/paths.ts';
import type { PROTOS } from '../../lab/recipe.ts';

/** A proto of another project, which the set-up of the lab fetches. */
export function officialProto(name: keyof typeof PROTOS): string {
  try {
    return readFileSync(join(labPaths().protos, `${name}.proto`), 'utf8');
  } catch (cause) {
    throw new Error(`this test needs ${name}.proto: run npm run setup`, { cause });
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
