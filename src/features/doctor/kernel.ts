import { hasModule, listModules, targetsIn } from '../../kernel/device-targets.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import { type Finding, error, ok, unknown, warning } from './finding.ts';
import type { Host } from './host.ts';

/** A target of device-mapper, and the module that has it. */
interface Target {
  readonly name: string;
  readonly module: string;
  readonly purpose: string;
  /** Whether these pools need it. */
  readonly needed: (pools: readonly PoolSpec[]) => boolean;
}

const targets: readonly Target[] = [
  {
    name: 'thin-pool',
    module: 'dm-thin-pool',
    purpose: 'no thin pool can be used',
    needed: (pools) => pools.some(({ type }) => type === 'thin'),
  },
  {
    name: 'raid',
    module: 'dm-raid',
    purpose: 'no mirrored volume can be used, also of a StorageClass with `mirrors`',
    needed: (pools) => pools.some(({ mirrors }) => mirrors > 0),
  },
  {
    name: 'mirror',
    module: 'dm-mirror',
    purpose: 'no disk can be evacuated, because pvmove copies with it',
    needed: () => false,
  },
  {
    name: 'snapshot',
    module: 'dm-snapshot',
    purpose: 'no snapshot of a thick volume can be taken',
    needed: () => false,
  },
  {
    name: 'crypt',
    module: 'dm-crypt',
    purpose: 'no encrypted volume can be made or opened',
    needed: () => false,
  },
  {
    name: 'integrity',
    module: 'dm-integrity',
    purpose: 'no volume of a StorageClass with `encryptionIntegrity` can be made or opened',
    needed: () => false,
  },
];

/** The targets of device-mapper: the kernel has them, or loads them when LVM asks. */
export async function checkTargets(host: Pick<Host, 'runHosted' | 'readFile'>, pools: readonly PoolSpec[]) {
  const result = await host.runHosted(['dmsetup', 'targets']);
  if (result === undefined) return [error('dmsetup is not installed', 'install the package dmsetup on the host')];
  if (result.exitCode !== 0) {
    return [error(`device-mapper does not answer: ${result.stderr.trim()}`, 'load the kernel module dm_mod, as root')];
  }
  const present = targetsIn(result.stdout);
  const missing = targets.filter(({ name }) => !present.has(name));
  if (missing.length === 0) return [ok(`targets of device-mapper: ${targets.map(({ name }) => name).join(', ')}`)];
  const modules = await listModules(host);
  return missing.map((target) => judge(target, target.needed(pools), modules));
}

function judge({ name, module, purpose }: Target, needed: boolean, modules: string | undefined): Finding {
  const remedy = `install the kernel's package of modules, and run \`modprobe ${module}\` on the host`;
  if (modules === undefined) {
    return unknown(`target ${name} is not loaded, and the modules of the kernel cannot be listed`, remedy);
  }
  if (hasModule(modules, module)) {
    return ok(`target ${name} is loaded when it is needed`);
  }
  return (needed ? error : warning)(`the kernel has no target ${name}: ${purpose}`, remedy);
}

/** The filesystem of cgroups, with the controllers that limits need. */
export async function checkCgroups({ readFile, list }: Pick<Host, 'readFile' | 'list'>, mount: string) {
  const controllers = await readFile(`${mount}/cgroup.controllers`);
  if (controllers === undefined) {
    if (await list(`${mount}/blkio`)) {
      const what = 'cgroup v1: buffered writes are not limited';
      return [warning(what, 'boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2')];
    }
    const what = `no cgroup filesystem is mounted at ${mount}: no limit can be enforced`;
    return [error(what, 'mount it, or set qos.cgroupMount to where it is')];
  }
  const missing = ['io', 'memory'].filter((name) => !controllers.trim().split(/\s+/).includes(name));
  if (missing.length === 0) return [ok('cgroup v2 with the controllers io and memory')];
  const what = `cgroup v2 lacks the controller ${missing.join(' and ')}: limits cannot be enforced`;
  const remedy =
    'enable it in the kernel (CONFIG_BLK_CGROUP, CONFIG_BLK_DEV_THROTTLING, CONFIG_MEMCG), and do not disable it with cgroup_disable';
  return [error(what, remedy)];
}

/** SELinux changes which files of a volume a pod may open. */
export async function checkSelinux({ readFile }: Pick<Host, 'readFile'>): Promise<Finding[]> {
  const enforce = await readFile('/sys/fs/selinux/enforce');
  if (enforce === undefined) return [ok('SELinux is not in use')];
  if (enforce.trim() !== '1') return [ok('SELinux does not enforce')];
  const what = 'SELinux enforces: Quarry was not tested so';
  return [warning(what, 'run the driver privileged, and look into the audit log if a call is refused')];
}
