import type { LvmMode } from '../../lvm/process/program.ts';
import { type Finding, error, ok, warning } from './finding.ts';
import type { Host } from './host.ts';

/** The host's configuration of LVM. Quarry has its own devices and filter; the rest it takes from here. */
export async function checkLvmConfiguration({ runHosted }: Pick<Host, 'runHosted'>): Promise<Finding[]> {
  const result = await runHosted(['lvm', 'lvmconfig', '--type', 'full']);
  if (result === undefined) return [error('lvm is not installed', 'install the package lvm2 on the host')];
  if (result.exitCode !== 0) {
    const what = `LVM cannot use its configuration: ${result.stderr.trim()}`;
    return [error(what, 'mend /etc/lvm/lvm.conf and lvmlocal.conf; `lvmconfig --validate` names the line')];
  }
  const settings = new Map(result.stdout.split('\n').flatMap(settingOf));
  const findings: Finding[] = [];
  if (settings.get('use_lvmlockd') === '1') {
    const what = 'global/use_lvmlockd is on: LVM waits for a lock manager';
    findings.push(error(what, 'set it to 0 in /etc/lvm/lvmlocal.conf: no group of Quarry is shared'));
  }
  if (settings.get('multipath_component_detection') === '0') {
    const what = 'devices/multipath_component_detection is off: LVM may use one path of a multipath disk';
    findings.push(warning(what, 'set it to 1, unless the machine has no multipath disks'));
  }
  return findings.length > 0 ? findings : [ok('LVM accepts its configuration')];
}

function settingOf(line: string): [string, string][] {
  const [, key, value] = /^\s*([a-z_]+)\s*=\s*(.*)$/.exec(line) ?? [];
  return key === undefined || value === undefined ? [] : [[key, value]];
}

/** udev makes the names below /dev/disk, and tells LVM when a device is ready. */
export async function checkUdev({ runHosted }: Pick<Host, 'runHosted'>, mode: LvmMode): Promise<Finding[]> {
  if (mode === 'container') return [ok('LVM runs in the container, without udev')];
  const result = await runHosted(['test', '-S', '/run/udev/control']);
  if (result?.exitCode === 0) return [ok('udev runs')];
  const what = 'udev does not run: there are no names below /dev/disk/by-id, and LVM makes its own device nodes';
  return [warning(what, 'start systemd-udevd on the host')];
}

/** The disks as the host's own LVM sees them, with its filter and devices file. */
export async function checkVisible({ runHosted, look }: Pick<Host, 'runHosted' | 'look'>): Promise<Finding[]> {
  const { disks } = await look();
  const members = disks.filter(({ verdict }) => verdict === 'member').map(({ device }) => device);
  if (members.length === 0) return [ok('no disk of a pool that the host could hide')];
  const result = await runHosted(['lvm', 'pvs', '--noheadings', '-o', 'pv_name']);
  if (result === undefined) return [error('lvm is not installed', 'install the package lvm2 on the host')];
  const seen = new Set(result.stdout.split('\n').map((line) => line.trim()));
  const hidden = members.filter((device) => !seen.has(device));
  if (hidden.length === 0) return [ok("the host's LVM sees the disks of the pools")];
  const what = `the host's LVM does not show ${hidden.join(', ')}: Quarry uses the disk all the same, but lvs and pvs of an administrator do not`;
  return [warning(what, "add the disk to LVM's devices file (`lvmdevices --adddev`), or to filter and global_filter")];
}
