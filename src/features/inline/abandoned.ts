import type { VolumeDevices } from '../../domain/devices.ts';
import { isFailure, messageOf } from '../../domain/errors.ts';
import { parseInlineHandle } from '../../domain/ids.ts';
import type { InlineVolumes, VolumeLocks } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Log } from '../../log.ts';

export interface AbandonedOptions {
  readonly volumes: InlineVolumes;
  readonly devices: Pick<VolumeDevices, 'close'>;
  /** Throws `unavailable` while it is not known. */
  readonly stateOf: (target: string) => Promise<'present' | 'gone'>;
  readonly locks: VolumeLocks;
  readonly log: Log;
}

/**
 * Removes the inline volumes of pods that are gone: kubelet no longer has the folder of the volume, which it removes only after it has
 * unpublished it, or with all that it had. A volume that is in use, or whose pod is not certain to be gone, stays.
 */
export async function removeAbandoned(options: AbandonedOptions, signal: AbortSignal): Promise<void> {
  for (const volume of options.volumes.list()) {
    signal.throwIfAborted();
    try {
      await removeIfAbandoned(options, volume, signal);
    } catch (error) {
      // A call for it is in progress: kubelet knows the volume.
      if (isFailure(error, 'busy')) continue;
      const fields = { ...fieldsOf(volume), reason: messageOf(error) };
      options.log.warn(fields, 'an inline volume was left alone');
    }
  }
}

async function removeIfAbandoned(
  { volumes, devices, stateOf, locks, log }: AbandonedOptions,
  volume: Volume,
  signal: AbortSignal,
): Promise<void> {
  const { id, name, inline } = volume;
  const [handle, target] = [parseInlineHandle(name), inline?.target];
  if (!handle || target === undefined || (await stateOf(target)) === 'present') return;
  await locks.hold(handle, 'the removal of an abandoned inline volume', async () => {
    // Kubelet may have made it again before the lock was taken.
    if ((await stateOf(target)) === 'present') return;
    await locks.hold(id, 'the removal of an abandoned inline volume', () => devices.close(id));
    await volumes.remove(id, signal);
    log.info(fieldsOf(volume), 'an inline volume was removed because its pod is gone');
  });
}

function fieldsOf({ id, inline }: Volume): object {
  return { volume: id, ...(inline && { pod: inline.pod.uid, podName: `${inline.pod.namespace}/${inline.pod.name}` }) };
}
