import { Failure } from '../../../src/domain/errors.ts';
import type { InlineHandle, NodeName, VolumeId } from '../../../src/domain/ids.ts';
import type { InlineVolumes } from '../../../src/domain/storage.ts';
import type { Volume } from '../../../src/domain/volume.ts';

/** What the inline volumes do to the disks of a node in memory. */
interface Disks {
  change<T>(what: string, effect: () => T): T;
  isOpen(lv: string): boolean;
  add(lv: string, size: bigint): Volume;
  remove(lv: string): void;
}

/** The inline volumes of a node in memory, which keeps them in `made`. */
export function fakeInlineVolumes(made: Map<VolumeId, Volume>, disks: Disks): InlineVolumes {
  const lvOf = (handle: InlineHandle): string => `q-${handle.slice(4, 44)}`;
  const idOf = (handle: InlineHandle): VolumeId => `${'n1' as NodeName}:${lvOf(handle)}` as VolumeId;
  return {
    idOf,
    create: async ({ handle, size, inline }) => {
      const id = idOf(handle);
      const known = made.get(id);
      if (known) return known;
      return disks.change('create', () => {
        const volume = { ...disks.add(lvOf(handle), size.required), name: handle, role: 'inline' as const, inline };
        made.set(id, volume);
        return volume;
      });
    },
    remove: async (id) => {
      const volume = made.get(id);
      if (!volume) return;
      if (disks.isOpen(volume.lv)) throw new Failure('precondition', `volume ${id} is in use`);
      disks.change('delete', () => {
        disks.remove(volume.lv);
        made.delete(id);
      });
    },
    list: () => [...made.values()],
  };
}
