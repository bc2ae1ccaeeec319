import { ioMax } from '../support/pods.ts';
import type { Facts, Volume } from './model.ts';
import type { LogicalVolume, Observation } from './observe.ts';
import { foreign, groupOf, pathsOf, uidOf } from './site.ts';

/** LVM's names for the parts of a logical volume, and for those of a group with a thin pool. */
const part = /_(rimage|rmeta)_\d+$/;
const ownParts = /^(thinpool|thinpool_t(data|meta)|lvol\d+_pmspare)$/;
/** Under the physical volumes. */
const layer = /^disk-[a-z]$/;

/** Acknowledged facts that do not hold, and changes of the foreign volume. None is allowed at any time. */
export function losses(volumes: readonly Volume[], seen: Observation, foreignBefore: string): string[] {
  const found = volumes.flatMap((volume) => lossesOf(volume, seen));
  return seen.foreign === foreignBefore
    ? found
    : [...found, `the foreign volume has changed:\n${foreignBefore}\n${seen.foreign}`];
}

function lossesOf(volume: Volume, seen: Observation): string[] {
  const { name, possible } = volume;
  const size = seen.listed.get(name);
  const lv = logicalVolumeOf(seen, name);
  const exists = size !== undefined;
  if (!possible.exists.includes(exists))
    return [exists ? `${name} was deleted, and is listed` : `${name} is not listed`];
  if (exists !== (lv !== undefined) && possible.exists.length === 1) {
    return [exists ? `${name} is listed without a logical volume` : `${name} was deleted, and LVM still has it`];
  }
  if (size === undefined || lv === undefined) return [];
  const problems: string[] = [];
  const check = (key: 'size' | 'iops', value: number, what: string): void => {
    if (!possible[key].includes(value))
      problems.push(`${name}: ${what} is ${value}, not ${possible[key].join(' or ')}`);
  };
  check('size', size, 'the size listed');
  check('size', lv.bytes, 'the size of the logical volume');
  check('iops', iopsOf(lv), 'the limit');
  for (const [key, path] of mountsOf(volume)) {
    const mounted = seen.mounts.includes(path);
    if (!possible[key].includes(mounted)) problems.push(`${name}: ${path} is ${mounted ? '' : 'not '}mounted`);
  }
  return problems;
}

/** Leftovers of calls that were cut off, and limits that are not in force: allowed for a while after a disturbance. */
export function leaks(volumes: readonly Volume[], seen: Observation, disks: readonly string[]): string[] {
  return [
    ...disks.filter((disk) => !seen.members.includes(disk)).map((disk) => `the disk ${disk} is not in its group`),
    ...unknownVolumes(volumes, seen),
    ...devicesLeft(seen),
    ...unknownMounts(volumes, seen),
    ...wrongLimits(volumes, seen),
  ];
}

function unknownVolumes(volumes: readonly Volume[], { logicalVolumes, listed }: Observation): string[] {
  const expected = new Set([foreign, ...volumes.filter(({ possible }) => possible.exists.includes(true)).map(nameOf)]);
  const unknown = logicalVolumes.filter(
    ({ name }) => !ownParts.test(name.replace(part, '')) && !expected.has(name.replace(part, '')),
  );
  const names = new Set(logicalVolumes.map(nameOf));
  return [
    ...unknown.map(({ name }) => `the logical volume ${name} belongs to no volume`),
    ...logicalVolumes
      .filter(({ name, tags }) => !part.test(name) && tags.some((tag) => tag.startsWith('quarry.state=')))
      .map(({ name }) => `the logical volume ${name} is unfinished`),
    ...volumes
      .filter(({ name }) => listed.has(name) !== names.has(name))
      .map(({ name }) => `LVM and ListVolumes differ on ${name}`),
  ];
}

function devicesLeft({ devices, logicalVolumes }: Observation): string[] {
  const doubled = (name: string): string => name.replaceAll('-', '--');
  const expected = new Set(logicalVolumes.map(({ name, group }) => `${group}-${doubled(name)}`));
  return devices.flatMap(({ name, suspended }) => [
    ...(expected.has(name.replace(/-(tpool|real|cow)$/, '')) || layer.test(name)
      ? []
      : [`the device ${name} belongs to no logical volume`]),
    ...(suspended ? [`the device ${name} is suspended`] : []),
  ]);
}

function unknownMounts(volumes: readonly Volume[], { mounts }: Observation): string[] {
  const expected = new Set(
    volumes.flatMap((volume) =>
      mountsOf(volume).flatMap(([key, path]) => (volume.possible[key].includes(true) ? [path] : [])),
    ),
  );
  const several = mounts.filter((path, index) => mounts.indexOf(path) !== index);
  return [
    ...mounts.filter((path) => !expected.has(path)).map((path) => `${path} is mounted`),
    ...several.map((path) => `${path} is mounted more than once`),
  ];
}

/** Each pod whose volume has a limit has the line for it, and no pod any other line. */
function wrongLimits(volumes: readonly Volume[], seen: Observation): string[] {
  const expected = volumes.flatMap((volume) => {
    const facts = factsFrom(volume, seen);
    const device = seen.devices.find(({ name }) => name === `${groupOf(volume)}-${volume.name.replaceAll('-', '--')}`);
    if (!facts.published || facts.iops === 0 || !device) return [];
    return [`${uidOf(volume.name)} ${ioMax(device.number, { riops: facts.iops, wiops: facts.iops })}`];
  });
  const found = seen.limits.map(({ uid, line }) => `${uid} ${line}`);
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `the limit is missing: ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `the limit belongs to no volume: ${line}`),
  ];
}

/** The facts of a volume as they were read. */
export function factsFrom(volume: Volume, seen: Observation): Facts {
  const lv = logicalVolumeOf(seen, volume.name);
  if (!lv) return { exists: false, size: 0, iops: 0, staged: false, published: false };
  const mounted = Object.fromEntries(mountsOf(volume).map(([key, path]) => [key, seen.mounts.includes(path)]));
  return { exists: true, size: lv.bytes, iops: iopsOf(lv), ...(mounted as Pick<Facts, 'staged' | 'published'>) };
}

function mountsOf(volume: Volume): readonly ['staged' | 'published', string][] {
  const { staged, target } = pathsOf(volume);
  return [
    ['staged', staged],
    ['published', target],
  ];
}

function iopsOf({ tags }: LogicalVolume): number {
  const tag = tags.find((text) => text.startsWith('quarry.qos='));
  return Number(/[=&]ri=(\d+)/.exec(tag ?? '')?.[1] ?? 0);
}

function logicalVolumeOf({ logicalVolumes }: Observation, name: string): LogicalVolume | undefined {
  return logicalVolumes.find((lv) => lv.name === name);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}
