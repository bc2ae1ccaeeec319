import { formatBytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { Orphan } from '../../gen/quarry/admin/v1/Orphan.ts';
import { askRole, type RoleCalls } from '../../cli/ask.ts';
import type { Terminal } from '../../cli/command.ts';
import type { OrphanRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';

export async function listOrphans(config: string): Promise<Listing<OrphanRecord>> {
  return askRole('controller', config, async (calls) => {
    const { orphans, total } = await calls.listOrphans({});
    const more = Number(total) - orphans.length;
    const footer = more > 0 ? `\nThe oldest ${orphans.length} of ${total}.\n` : '';
    return { records: (orphans as Orphan[]).map(toRecord), footer };
  });
}

export async function retainOrphan(config: string, id: string): Promise<string> {
  return askRole('controller', config, async (calls) => {
    await calls.retainOrphan({ id });
    return `${id} is retained, and no longer reported.\n`;
  });
}

interface DeleteOptions {
  readonly config: string;
  readonly id: string;
  readonly yes: boolean;
}

export async function deleteOrphan({ config, id, yes }: DeleteOptions, { ask }: Terminal): Promise<string> {
  return askRole('controller', config, async (calls) => {
    if (!yes) {
      const found = (await findOrphans(calls)).find((orphan) => orphan.id === id);
      if (!found)
        throw new Failure('precondition', `volume ${id} is none of the orphans that \`quarry orphans\` shows`);
      const what = `${formatBytes(BigInt(found.size))} on node ${found.node}, made as ${JSON.stringify(found.name)}`;
      const question = `Delete ${id} (${what}) and all that is on it? Type "yes": `;
      if ((await ask(question, 'say --yes to delete all the same')).trim() !== 'yes') return 'Nothing was deleted.\n';
    }
    await calls.deleteOrphan({ id });
    return `${id} is deleted.\n`;
  });
}

async function findOrphans(calls: RoleCalls): Promise<readonly Orphan[]> {
  return (await calls.listOrphans({})).orphans as Orphan[];
}

function toRecord({ size, ageSeconds, looseSeconds, ...rest }: Orphan): OrphanRecord {
  const age = ageSeconds === undefined ? undefined : BigInt(ageSeconds);
  return { ...rest, size: BigInt(size), ageSeconds: age, looseSeconds: BigInt(looseSeconds) };
}
