import { type Finding, error, ok, warning } from './finding.ts';
import type { Host } from './host.ts';

interface Tool {
  readonly argv: readonly [string, ...string[]];
  /** Debian's package. */
  readonly package: string;
  readonly purpose: string;
  /** Without it only some volumes fail. */
  readonly some?: true;
}

const tools: readonly Tool[] = [
  { argv: ['blkid', '--version'], package: 'util-linux', purpose: 'no disk can be proven blank, and no volume staged' },
  { argv: ['wipefs', '--version'], package: 'util-linux', purpose: 'no disk can be proven blank' },
  { argv: ['mount', '--version'], package: 'mount', purpose: 'no volume can be mounted' },
  { argv: ['mkfs.ext4', '-V'], package: 'e2fsprogs', purpose: 'no ext4 volume can be staged', some: true },
  { argv: ['e2fsck', '-V'], package: 'e2fsprogs', purpose: 'no ext4 volume can be checked', some: true },
  { argv: ['mkfs.xfs', '-V'], package: 'xfsprogs', purpose: 'no xfs volume can be staged', some: true },
  { argv: ['mkfs.btrfs', '--version'], package: 'btrfs-progs', purpose: 'no btrfs volume can be staged', some: true },
];

/** The programs that the driver runs in its own container. */
export async function checkTools({ run }: Pick<Host, 'run'>): Promise<Finding[]> {
  const missing: Finding[] = [];
  for (const tool of tools) {
    if ((await run(tool.argv)) !== undefined) continue;
    const report = tool.some ? warning : error;
    missing.push(report(`${tool.argv[0]} is not installed: ${tool.purpose}`, `install the package ${tool.package}`));
  }
  if (missing.length > 0) return missing;
  return [ok(`installed: ${tools.map(({ argv: [program] }) => program).join(', ')}`)];
}

/** `cryptsetup` runs where LVM runs. Without it the node is left out for encrypted volumes only. */
export async function checkEncryption({ runHosted }: Pick<Host, 'runHosted'>): Promise<Finding[]> {
  const result = await runHosted(['cryptsetup', '--version']);
  if (result !== undefined) return [ok(result.stdout.trim())];
  const what = 'cryptsetup is not installed: no encrypted volume can be made or opened';
  return [warning(what, 'install the package cryptsetup-bin (cryptsetup) on the host')];
}

const oldest = [2, 3] as const;

/** LVM itself, where the driver runs it. */
export async function checkLvmVersion({ runHosted }: Pick<Host, 'runHosted'>): Promise<Finding[]> {
  const result = await runHosted(['lvm', 'version']);
  if (result === undefined) return [error('lvm is not installed', 'install the package lvm2 on the host')];
  const text = result.stdout + result.stderr;
  const [, version = '', major = '0', minor = '0'] = /LVM version:\s+((\d+)\.(\d+)[\d.]*)/.exec(text) ?? [];
  if (version === '') {
    return [error(`lvm does not run: ${text.trim() || `exit code ${result.exitCode}`}`, 'run `lvm version` as root')];
  }
  const fits = Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1]);
  if (!fits) return [error(`LVM ${version} is too old`, 'install LVM 2.03 or newer')];
  if (!/Driver version:\s+\d/.test(text)) {
    return [error('LVM does not reach device-mapper', 'run as root, and load the kernel module dm_mod')];
  }
  return [ok(`LVM ${version}`)];
}

/** `thin_check` in its version: only 0.9 and newer repair the leaks that a power cut leaves. */
export async function checkThinTools({ runHosted }: Pick<Host, 'runHosted'>): Promise<Finding[]> {
  const result = await runHosted(['thin_check', '--help']);
  if (result === undefined) {
    const what = 'thin_check is not installed: LVM activates no thin pool';
    return [error(what, 'install the package thin-provisioning-tools (device-mapper-persistent-data) on the host')];
  }
  if ((result.stdout + result.stderr).includes('--auto-repair')) return [ok('thin_check, with automatic repair')];
  const what = 'thin_check is older than 0.9: a thin pool may stay inactive after a power cut';
  return [warning(what, 'install thin-provisioning-tools 0.9 or newer on the host')];
}
