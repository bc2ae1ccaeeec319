import { formatBytes } from '../../domain/bytes.ts';
import type { Orphan } from '../../gen/quarry/admin/v1/Orphan.ts';
import { askRole, type RoleCalls } from '../../cli/ask.ts';
import type { Terminal } from '../../cli/command.ts';
import type { OrphanRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';
import { onlyOne } from './named.ts';

export async function listOrphans(config: string): Promise<Listing<OrphanRecord>> {
  return askRole('controller', config, async (calls) => {
    const { orphans, total, snapshotsUnknown } = await calls.listOrphans({});
    const more = Number(total) - orphans.length;
    const footer = [
      ...(more > 0 ? [`The oldest ${orphans.length} of ${total}.`] : []),
      ...(snapshotsUnknown ? ['No snapshots: it is not known which VolumeSnapshotContents there are.'] : []),
    ].map((line) => `\n${line}\n`);
    return { records: (orphans as Orphan[]).map(toRecord), footer: footer.join('') };
  });
}

interface Named {
  readonly config: string;
  readonly id: string;
  readonly node: string | undefined;
}

export async function retainOrphan({ config, id, node }: Named): Promise<string> {
  return askRole('controller', config, async (calls) => {
    await calls.retainOrphan({ id, ...(node !== undefined && { node }) });
    return `${id} is retained, and no longer reported.\n`;
  });
}

interface DeleteOptions extends Named {
  readonly yes: boolean;
}

/** Deletes the volume that the question has shown, and no other of the same id. */
export async function deleteOrphan({ yes, ...named }: DeleteOptions, { ask }: Terminal): Promise<string> {
  const { config, id } = named;
  return askRole('controller', config, async (calls) => {
    let { node } = named;
    if (!yes) {
      const [found, ...more] = await findOrphans(calls, named);
      ({ node } = found);
      const size = formatBytes([found, ...more].reduce((sum, one) => sum + BigInt(one.size), 0n));
      const group = found.group === id ? `group of ${more.length + 1}, ` : '';
      const what = `${group}${size} on node ${node}, made as ${JSON.stringify(found.name)}`;
      const question = `Delete ${id} (${what}) and all that is on it? Type "yes": `;
      if ((await ask(question, 'say --yes to delete all the same')).trim() !== 'yes') return 'Nothing was deleted.\n';
    }
    await calls.deleteOrphan({ id, ...(node !== undefined && { node }) });
    return `${id} is deleted.\n`;
  });
}

/** The one of that id, or the members of the group snapshot of that id: at least one. */
async function findOrphans(calls: RoleCalls, { id, node }: Named): Promise<readonly [Orphan, ...Orphan[]]> {
  const all = (await calls.listOrphans({})).orphans as Orphan[];
  const there = all.filter((orphan) => node === undefined || orphan.node === node);
  const [first, ...more] = there.filter(({ group }) => group === id);
  if (first) return [first, ...more];
  return [
    onlyOne(
      there.filter((orphan) => orphan.id === id),
      id,
    ),
  ];
}

function toRecord({ size, ageSeconds, looseSeconds, ...rest }: Orphan): OrphanRecord {
  const age = ageSeconds === undefined ? undefined : BigInt(ageSeconds);
  return { ...rest, size: BigInt(size), ageSeconds: age, looseSeconds: BigInt(looseSeconds) };
}
