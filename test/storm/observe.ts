import { group, mirrorGroup } from './disks.ts';
import { container, foreign, type Site } from './site.ts';

/** The state of the node, as LVM, the kernel and the driver show it. */
export interface Observation {
  /** ListVolumes: bytes by name. */
  readonly listed: ReadonlyMap<string, number>;
  /** ListSnapshots: by the names of their logical volumes. */
  readonly snapshots: ReadonlyMap<string, ListedSnapshot>;
  /** Of both groups, hidden ones too, without the brackets around their names. */
  readonly logicalVolumes: readonly LogicalVolume[];
  /** Of device-mapper. */
  readonly devices: readonly Device[];
  /** Targets of mounts below kubelet's folder, and of every other mount of a device of device-mapper. */
  readonly mounts: readonly string[];
  /** Lines of `io.max` of pods. */
  readonly limits: readonly { readonly uid: string; readonly line: string }[];
  /** The physical volumes of both groups. */
  readonly members: readonly string[];
  /** Of the foreign logical volume: what LVM has of it, and a checksum. */
  readonly foreign: string;
  /** `kernel GROUP ID` for each device that a thin pool has; `lvm GROUP ID` for each that LVM knows, or has still to delete. */
  readonly thin: ReadonlySet<string>;
}

export interface ListedSnapshot {
  /** The name of its volume. */
  readonly source: string;
  readonly bytes: number;
  readonly ready: boolean;
}

export interface LogicalVolume {
  readonly group: string;
  readonly name: string;
  readonly bytes: number;
  readonly tags: readonly string[];
}

export interface Device {
  readonly name: string;
  /** `major:minor` */
  readonly number: string;
  readonly suspended: boolean;
}

const script = `
lvs -a --noheadings --nosuffix --units b --separator '|' -o vg_name,lv_name,lv_size,lv_tags ${group} ${mirrorGroup}
echo ==
dmsetup info --columns --noheadings --separator '|' -o name,major,minor,suspended
echo ==
major=$(sed -n 's/ device-mapper$//p' /proc/devices)
awk -v major="$major:" 'index($3, major) == 1 || index($5, "/var/lib/kubelet/") == 1 { print $5 }' /proc/self/mountinfo
echo ==
grep -rsH . --include=io.max /sys/fs/cgroup/kubepods || true
echo ==
lvs --noheadings -o lv_uuid,lv_size,lv_tags,lv_attr,seg_pe_ranges ${group}/${foreign}
dd if=/dev/${group}/${foreign} bs=1M iflag=direct status=none | md5sum
echo ==
pvs --noheadings -o pv_name -S 'vg_name=${group} || vg_name=${mirrorGroup}'
echo ==
for vg in ${group} ${mirrorGroup}; do
  pool=$vg-thinpool-tpool
  # The kernel has one metadata snapshot of a pool, and a copy that is under way needs it.
  if ! lvs --noheadings -o lv_tags $vg | grep -c state=copying >/dev/null && dmsetup message $pool 0 reserve_metadata_snap 2>/dev/null; then
    { thin_ls --metadata-snap --no-headers -o DEV /dev/mapper/$vg-thinpool_tmeta || :; } | awk -v vg=$vg 'NF { print "kernel", vg, $1 }'
    dmsetup message $pool 0 release_metadata_snap || :
  fi
  { lvs --noheadings -o thin_id $vg
    { vgcfgbackup -qq -f /run/metadata-of-$vg $vg && sed -n 's/^[[:space:]]*delete = //p' /run/metadata-of-$vg; } || :
  } | awk -v vg=$vg 'NF { print "lvm", vg, $1 }'
done
[ -d ${container} ]`;

export async function observe({ guest, client }: Site): Promise<Observation> {
  const { entries } = await client.controller.listVolumes({});
  const listed = new Map(entries.map(({ volume }) => [nameIn(volume?.volumeId), Number(volume?.capacityBytes)]));
  const { entries: taken } = await client.controller.listSnapshots({});
  const snapshots = new Map(
    taken.map(({ snapshot }) => {
      const source = nameIn(snapshot?.sourceVolumeId);
      const ready = snapshot?.readyToUse ?? false;
      return [nameIn(snapshot?.snapshotId), { source, bytes: Number(snapshot?.sizeBytes), ready }];
    }),
  );
  return { listed, snapshots, ...parseObservation(await guest.shell(script)) };
}

/** The logical volume's name in an id. */
function nameIn(id = ''): string {
  return id.replace(/^.*:/, '');
}

/** The output of the script, in its seven parts. */
export function parseObservation(text: string): Omit<Observation, 'listed' | 'snapshots'> {
  const [lvs, devices, mounts, limits, foreignText, members, thin] = text.split('==\n').map((part) => part.trim());
  return {
    logicalVolumes: linesOf(lvs).map((line) => {
      const [vg = '', name = '', bytes, tags = ''] = line.trim().split('|');
      return {
        group: vg,
        name: name.replaceAll(/[[\]]/g, ''),
        bytes: Number(bytes),
        tags: tags.split(',').filter(Boolean),
      };
    }),
    devices: linesOf(devices).map((line) => {
      const [name = '', major, minor, suspended] = line.split('|');
      return { name, number: `${major}:${minor}`, suspended: suspended === 'Suspended' };
    }),
    mounts: linesOf(mounts),
    limits: linesOf(limits).map((line) => {
      const [, uid = '', limit = ''] = /\/pod([^/]+)\/(?:.*\/)?io\.max:(.*)$/.exec(line) ?? [];
      return { uid, line: limit };
    }),
    foreign: foreignText ?? '',
    members: linesOf(members).map((line) => line.trim()),
    thin: new Set(linesOf(thin)),
  };
}

function linesOf(text = ''): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('No devices found'));
}
