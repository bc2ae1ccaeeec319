import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RateKey, rateKeys, type Rates } from '../domain/qos.ts';
import { parseBlkioStat, parseThrottle, printThrottle, throttleFiles } from './io-max.ts';
import { type Places, readCgroupFile, subfolders, type Throttle, type Visit, writeCgroupFile } from './throttle.ts';

type CommandOf = (pid: string) => Promise<string>;

/**
 * cgroup v1. A limit binds only the processes of its own cgroup, so the pod's leaf cgroups share the limit. The sandbox's leaf does no
 * I/O and gets no share while another leaf has processes.
 */
export function createCgroupV1(commandOf: CommandOf = readCommand): Throttle {
  return {
    places: (pod, visit) => findPlaces(pod, visit, commandOf),
    async read(cgroup) {
      const devices = new Map<string, Partial<Record<RateKey, bigint>>>();
      for (const key of rateKeys) {
        const text = (await readCgroupFile(join(cgroup, throttleFiles[key]))) ?? '';
        for (const [device, rate] of parseThrottle(text)) {
          devices.set(device, { ...devices.get(device), [key]: rate });
        }
      }
      return devices;
    },
    write: writeRates,
    async use(pod) {
      const [bytes, operations] = await Promise.all([
        readCgroupFile(join(pod, 'blkio.throttle.io_service_bytes_recursive')),
        readCgroupFile(join(pod, 'blkio.throttle.io_serviced_recursive')),
      ]);
      return parseBlkioStat(bytes ?? '', operations ?? '');
    },
  };
}

async function writeRates(cgroup: string, device: string, rates: Rates) {
  for (const key of rateKeys) {
    const outcome = await writeCgroupFile(join(cgroup, throttleFiles[key]), printThrottle(device, rates[key]));
    if (outcome === 'missing') return 'no-pod-cgroup';
    if (outcome !== 'done') return outcome;
  }
  return undefined;
}

async function findPlaces(pod: string, visit: Visit, commandOf: CommandOf): Promise<Places> {
  const all = await tree(pod, visit);
  const leaves = all.filter(({ leaf }) => leaf).map(({ path }) => path);
  const busy: string[] = [];
  for (const leaf of leaves) if (await works(leaf, commandOf)) busy.push(leaf);
  const limited = busy.length > 0 ? busy : leaves;
  return { limited, others: all.map(({ path }) => path).filter((path) => !limited.includes(path)) };
}

async function tree(path: string, visit: Visit): Promise<{ path: string; leaf: boolean }[]> {
  await visit(path);
  const children = await subfolders(path);
  const below = await Promise.all(children.map((name) => tree(join(path, name), visit)));
  return [{ path, leaf: children.length === 0 }, ...below.flat()];
}

/** Whether the cgroup has a process other than the sandbox's `pause`. */
async function works(cgroup: string, commandOf: CommandOf): Promise<boolean> {
  const pids = (await readCgroupFile(join(cgroup, 'cgroup.procs')))?.split('\n').filter((pid) => pid !== '') ?? [];
  for (const pid of pids) if ((await commandOf(pid)) !== 'pause') return true;
  return false;
}

/** Empty for a process that has ended. */
async function readCommand(pid: string): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
  } catch {
    return '';
  }
}
