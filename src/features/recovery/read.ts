import { allPages, askRole } from '../../cli/ask.ts';
import { readStorage, withLocal } from '../../cli/local.ts';
import type { AnyConfig } from '../../config/config.ts';
import type { Volume as VolumeMessage } from '../../gen/quarry/admin/v1/Volume.ts';
import type { Recoverable } from './objects.ts';

/** A volume that a node reports, with what it is to the volume of its id. */
export interface Reported extends Recoverable {
  readonly state: string;
  /** Empty for the volume itself. */
  readonly role: string;
}

/** Without inline volumes, which have no PersistentVolume: the volumes of all nodes that the controller knows, or those of this node: LVM alone is asked, and no driver needs to run. */
export async function reportedVolumes({ role }: AnyConfig, path: string): Promise<Reported[]> {
  return role === 'controller' ? ofFleet(path) : ofMachine(path);
}

async function ofFleet(path: string): Promise<Reported[]> {
  const volumes = await askRole('controller', path, async (calls) =>
    allPages(async (pageToken) => {
      const page = await calls.listVolumes({ pageToken });
      return { items: page.volumes as VolumeMessage[], nextPageToken: page.nextPageToken };
    }),
  );
  return volumes.filter(({ pod }) => pod === '').map((volume) => reported(volume, BigInt(volume.size)));
}

async function ofMachine(path: string): Promise<Reported[]> {
  return withLocal(path, async (local) => {
    const { volumes } = (await readStorage(local)).inventory;
    return [...volumes.values()].filter(({ inline }) => !inline).map((volume) => reported(volume, volume.size));
  });
}

type Known = Pick<Recoverable, 'id' | 'node' | 'name' | 'filesystem'> & Pick<Reported, 'state'>;

function reported(
  {
    id,
    node,
    name,
    filesystem,
    state,
    ...rest
  }: Known & { readonly role?: string; readonly persistentVolume?: string },
  size: bigint,
): Reported {
  const { role = '', persistentVolume = '' } = rest;
  return { id, node, name, size, filesystem, state, role, persistentVolume };
}

/** Those that can be used as volumes, and why the others cannot. */
export function usable(all: readonly Reported[], node: string | undefined) {
  const wanted = all.filter((volume) => node === undefined || volume.node === node);
  const left = wanted.flatMap(({ id, node: place, role, state }) => {
    if (role !== '') return [`${id} on ${place} is ${role}: the volume itself is on another node`];
    if (state === 'creating') return [`${id} on ${place} was never handed out: its creation did not end`];
    const same = all.filter((other) => other.id === id && other.role === '');
    return same.length > 1 ? [`${id} is on ${same.map((other) => other.node).join(' and ')}: delete one of them`] : [];
  });
  const named = new Set(left.map((text) => text.split(' ')[0]));
  return {
    volumes: wanted.filter(({ id, role, state }) => role === '' && state !== 'creating' && !named.has(id)),
    left,
  };
}
