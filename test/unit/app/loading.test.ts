import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const src = join(import.meta.dirname, '../../../src');

/** The files and packages that a role loads at its start. */
function loadedBy(entry: string): Set<string> {
  const found = new Set<string>();
  const queue = [join(src, entry)];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    found.add(relative(src, path));
    for (const [, clause, target = ''] of readFileSync(path, 'utf8').matchAll(
      /^(?:import|export) ([^;]*?from )?'([^']+)'/gms,
    )) {
      if (clause?.startsWith('type ') === true) continue;
      const next = target.startsWith('.') ? join(dirname(path), target) : undefined;
      if (next === undefined) found.add(target);
      else if (!found.has(relative(src, next))) queue.push(next);
    }
  }
  return found;
}

const within = (loaded: Set<string>, ...folders: string[]) =>
  [...loaded].filter((path) => folders.some((folder) => path.startsWith(folder)));

test('the node role loads nothing of a controller, and no client of Kubernetes', () => {
  const loaded = loadedBy('app/node.ts');
  expect(within(loaded, 'fleet/client/')).toContain('fleet/client/client.ts');
  expect(within(loaded, 'controller/', 'fleet/server/', 'kubernetes/', 'prom-client')).toEqual([]);
});

test('the controller role loads nothing that touches disks', () => {
  const loaded = loadedBy('app/controller.ts');
  expect(within(loaded, 'controller/')).toContain('controller/provisioner.ts');
  const machine = ['node/', 'fleet/client/', 'mount/', 'pools/', 'exec/', 'qos/', 'registration/'];
  expect(within(loaded, ...machine, 'lvm/storage', 'lvm/client')).toEqual([]);
});

test('quarry all loads neither side of the fleet', () => {
  expect(within(loadedBy('app/all.ts'), 'fleet/')).toEqual([]);
});

test('the program loads the command line only; a command loads its modules when it runs', () => {
  const loaded = loadedBy('main.ts');
  expect(within(loaded, 'cli/commands/')).toContain('cli/commands/disks.ts');
  const folders = ['config/', 'grpc/', 'fleet/', 'lvm/', 'app/', 'kubernetes/', 'exec/'];
  expect(within(loaded, ...folders)).toEqual(['app/features.ts']);
  const ours = /^(?:main|version|cli|domain|features|app\/features|\.\.)/;
  expect([...loaded].filter((path) => !ours.test(path))).toEqual(['commander']);
});
