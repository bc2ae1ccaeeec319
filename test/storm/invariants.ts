import { luksDeviceOf, luksDevicesOf, usableOf } from './encryption.ts';
import { ioMax } from '../support/pods.ts';
import { type Facts, kindOf, type Volume } from './model.ts';
import type { LogicalVolume, Observation } from './observe.ts';
import { foreign, groupOf, lvOf, pathsOf, uidOf } from './site.ts';
import { lossesOfSnapshots, snapshotLeaks } from './snapshot-invariants.ts';
import { membersOf } from './snapshots.ts';

/** LVM's names for the parts of a logical volume, and for those of a group with a thin pool. */
const part = /_(rimage|rmeta)_\d+$/;
const ownParts = /^(thinpool|thinpool_t(data|meta)|lvol\d+_pmspare)$/;
/** LVM's devices below a logical volume. Those for parts on a pulled disk stay, unused, when the mirror is complete again. */
const below = /-(tpool|real|cow|missing_\d+_\d+)$/;
/** Under the physical volumes. */
const layer = /^disk-[a-z]$/;

/** Acknowledged facts that do not hold, and changes of the foreign volume. None is allowed at any time. */
export function losses(all: readonly Volume[], seen: Observation, foreignBefore: string): string[] {
  const found = all.flatMap((one) => (isAnyVolume(one) ? lossesOf(one, seen) : lossesOfSnapshots(one, seen)));
  return seen.foreign === foreignBefore
    ? found
    : [...found, `the foreign volume has changed:\n${foreignBefore}\n${seen.foreign}`];
}

function isAnyVolume(one: Volume): boolean {
  return kindOf(one) === 'volume' || kindOf(one) === 'inline';
}

function lossesOf(volume: Volume, seen: Observation): string[] {
  const { name, possible } = volume;
  const lv = logicalVolumeOf(seen, lvOf(volume));
  const listed = seen.listed.get(lvOf(volume));
  const isInline = kindOf(volume) === 'inline';
  if (isInline && listed !== undefined) return [`${name} is an inline volume, and is listed`];
  const size = isInline && lv ? usableOf(volume, lv.bytes) : listed;
  const exists = size !== undefined;
  if (!possible.exists.includes(exists))
    return [exists ? `${name} was deleted, and is listed` : `${name} is not listed`];
  if (exists !== (lv !== undefined) && possible.exists.length === 1) {
    return [exists ? `${name} is listed without a logical volume` : `${name} was deleted, and LVM still has it`];
  }
  if (size === undefined || lv === undefined) return [];
  // The remains of a creation that was cut off: they are finished or removed.
  if (possible.exists.includes(false) && isUnfinished(lv)) return [];
  const problems: string[] = [];
  const check = (key: 'size' | 'iops', value: number, what: string): void => {
    if (!possible[key].includes(value))
      problems.push(`${name}: ${what} is ${value}, not ${possible[key].join(' or ')}`);
  };
  check('size', size, 'the size listed');
  check('size', usableOf(volume, lv.bytes), 'the size of the logical volume');
  check('iops', iopsOf(lv), 'the limit');
  for (const [key, path] of mountsOf(volume)) {
    const mounted = seen.mounts.includes(path);
    if (!possible[key].includes(mounted)) problems.push(`${name}: ${path} is ${mounted ? '' : 'not '}mounted`);
  }
  return problems;
}

/** Leftovers of calls that were cut off, and limits that are not in force: allowed for a while after a disturbance. */
export function leaks(all: readonly Volume[], seen: Observation, disks: readonly string[]): string[] {
  const volumes = all.filter(isAnyVolume);
  return [
    ...disks.filter((disk) => !seen.members.includes(disk)).map((disk) => `the disk ${disk} is not in its group`),
    ...unknownVolumes(all, seen),
    ...snapshotLeaks(all, seen),
    ...devicesLeft(volumes, seen),
    ...thinDevicesLeft(seen),
    ...unknownMounts(volumes, seen),
    ...wrongLimits(volumes, seen),
  ];
}

function unknownVolumes(all: readonly Volume[], { logicalVolumes, listed }: Observation): string[] {
  const volumes = all.filter((one) => kindOf(one) === 'volume');
  const there = all.filter(({ possible }) => possible.exists.includes(true));
  const lvs = there.flatMap((one) => (isAnyVolume(one) ? [lvOf(one)] : membersOf(one).map(({ lv }) => lv)));
  const expected = new Set([foreign, ...lvs]);
  const unknown = logicalVolumes.filter(
    ({ name }) => !ownParts.test(name.replace(part, '')) && !expected.has(name.replace(part, '')),
  );
  const names = new Set(logicalVolumes.map(nameOf));
  return [
    ...unknown.map(({ name }) => `the logical volume ${name} belongs to no volume`),
    ...logicalVolumes
      .filter((lv) => !part.test(lv.name) && isUnfinished(lv))
      .map(({ name }) => `the logical volume ${name} is unfinished`),
    ...volumes
      .filter(({ name }) => listed.has(name) !== names.has(name))
      .map(({ name }) => `LVM and ListVolumes differ on ${name}`),
  ];
}

function devicesLeft(volumes: readonly Volume[], { devices, logicalVolumes }: Observation): string[] {
  const doubled = (name: string): string => name.replaceAll('-', '--');
  const there = volumes.filter(({ possible }) => possible.exists.includes(true));
  const expected = new Set([
    ...logicalVolumes.map(({ name, group }) => `${group}-${doubled(name)}`),
    ...there.flatMap(luksDevicesOf),
  ]);
  return devices.flatMap(({ name, suspended }) => [
    ...(expected.has(name.replace(below, '')) || layer.test(name)
      ? []
      : [`the device ${name} belongs to no logical volume`]),
    ...(suspended ? [`the device ${name} is suspended`] : []),
  ]);
}

/** Their blocks would stay in use for good, without anything that shows it. */
function thinDevicesLeft({ thin }: Observation): string[] {
  return [...thin].flatMap((line) => {
    const [from, group, id] = line.split(' ');
    const isLeft = from === 'kernel' && !thin.has(`lvm ${group} ${id}`);
    return isLeft ? [`the thin pool of ${group} has the device ${id}, which belongs to no volume`] : [];
  });
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
    const wanted = volume.shape.encrypted
      ? luksDeviceOf(volume)
      : `${groupOf(volume)}-${lvOf(volume).replaceAll('-', '--')}`;
    const device = seen.devices.find(({ name }) => name === wanted);
    if (!facts.published || facts.iops === 0 || !device) return [];
    return [`${uidOf(volume.name)} ${ioMax(device.number, { riops: facts.iops, wiops: facts.iops })}`];
  });
  const found = seen.limits.map(({ uid, line }) => `${uid} ${line}`);
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `the limit is missing: ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `the limit belongs to no volume: ${line}`),
  ];
}

const absent: Facts = { exists: false, size: 0, iops: 0, staged: false, published: false };

/** The facts of a name as they were read. */
export function factsFrom(volume: Volume, seen: Observation): Facts {
  if (!isAnyVolume(volume)) {
    const [member] = membersOf(volume);
    if (!member || !logicalVolumeOf(seen, member.lv)) return absent;
    return { ...absent, exists: true, size: member.frozen.size };
  }
  const lv = logicalVolumeOf(seen, lvOf(volume));
  if (!lv) return absent;
  const mounted = Object.fromEntries(mountsOf(volume).map(([key, path]) => [key, seen.mounts.includes(path)]));
  return {
    ...absent,
    exists: true,
    size: usableOf(volume, lv.bytes),
    iops: iopsOf(lv),
    ...(mounted as Partial<Pick<Facts, 'staged' | 'published'>>),
  };
}

function mountsOf(volume: Volume): readonly ['staged' | 'published', string][] {
  const { staged, target } = pathsOf(volume);
  if (kindOf(volume) === 'inline') return [['published', target]];
  return [
    ['staged', staged],
    ['published', target],
  ];
}

function isUnfinished({ tags }: LogicalVolume): boolean {
  return tags.some((tag) => tag.startsWith('quarry.state='));
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
