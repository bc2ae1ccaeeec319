import { createInterface } from 'node:readline/promises';
import { loadConfig } from '../config/config.ts';
import { formatBytes } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { Orphan } from '../gen/quarry/operator/v1/Orphan.ts';
import { type Calls, withClient } from '../grpc/client.ts';
import { operator } from '../grpc/load.ts';
import type { OperatorMethods } from '../grpc/services.ts';
import type { OrphansCommand } from './arguments.ts';
import { table } from './table.ts';

/** `quarry orphans`: asks the controller that runs beside this. */
export async function orphans({ config, what }: { config: string; what: OrphansCommand }): Promise<string> {
  const { operator: socket } = await loadConfig(config, 'controller');
  return askController(socket.path, what);
}

export async function askController(socket: string, command: OrphansCommand, ask = askOnTerminal): Promise<string> {
  return withClient<OperatorMethods, string>(socket, { proto: operator, service: 'Operator' }, async (calls) => {
    switch (command.action) {
      case 'list':
        return print((await calls.listOrphans({})).orphans as Orphan[]);
      case 'release':
        await calls.releaseOrphan({ id: command.id });
        return `${command.id} is kept, and no longer reported.\n`;
      case 'delete':
        return remove(calls, command, ask);
    }
  });
}

async function remove(
  calls: Calls<OperatorMethods>,
  { id, yes }: Extract<OrphansCommand, { action: 'delete' }>,
  ask: (question: string) => Promise<string>,
): Promise<string> {
  if (!yes) {
    const found = ((await calls.listOrphans({})).orphans as Orphan[]).find((orphan) => orphan.id === id);
    if (!found) throw new Failure('precondition', `volume ${id} is none of the orphans that \`quarry orphans\` shows`);
    const what = `${formatBytes(BigInt(found.size))} on node ${found.node}, made as ${JSON.stringify(found.name)}`;
    const answer = await ask(`Delete ${id} (${what}) and all that is on it? Type "yes": `);
    if (answer.trim() !== 'yes') return 'Nothing was deleted.\n';
  }
  await calls.deleteOrphan({ id });
  return `${id} is deleted.\n`;
}

async function askOnTerminal(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new Failure('invalid', 'nobody is there to ask: say --yes to delete all the same');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

function print(found: readonly Orphan[]): string {
  if (found.length === 0) return 'Every volume is in a PersistentVolume.\n';
  const rows = found.map(({ id, node, pool, size, ageSeconds, looseSeconds, attached }) => [
    id,
    attached ? node : `${node} (silent)`,
    pool,
    formatBytes(BigInt(size)),
    ageSeconds === undefined ? '' : formatAge(Number(ageSeconds)),
    formatAge(Number(looseSeconds)),
  ]);
  return table(['ID', 'NODE', 'POOL', 'SIZE', 'AGE', 'SEEN FOR'], rows);
}

/** The two largest units: `3d4h`. */
export function formatAge(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0s';
  const parts = units.slice(first, first + 2).map(([unit, size], index) => {
    const within = index === 0 ? seconds : seconds % (units[first]?.[1] ?? 1);
    return [Math.floor(within / size), unit] as const;
  });
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join('');
}
