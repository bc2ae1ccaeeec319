import type { Cluster } from '../../lab/kubernetes/cluster.ts';
import { installQuarry } from '../../lab/kubernetes/install.ts';
import type { LeftOut } from './report.ts';

/** One run of the suite. */
export interface Run {
  readonly name: string;
  /** The file with the class of its volumes. */
  readonly storageClass: string;
  /** Regular expressions; default: the whole suite. */
  readonly focus?: readonly string[];
  readonly leftOut?: readonly LeftOut[];
  /** The most specs at a time. */
  readonly processes?: number;
  install(cluster: Cluster): Promise<void>;
}

const LIMITS = 'should support volume limits';

const leftOut = [
  { pattern: LIMITS, why: 'a node takes 10,000 volumes; the run `limits` is for it, with a group that holds few' },
  {
    pattern: 'volume-modify-stress .*should modify volumes',
    why: 'it changes claims that no pod has bound yet; the run `immediate` is for it',
  },
  {
    pattern: 'provisioning should provision storage with any volume data source',
    why: 'it runs a populator out of a registry, which the lab has none of, and asks nothing else of the driver than its neighbours do',
  },
  { pattern: '\\[Feature:SELinux', why: "the lab's kernel has no SELinux" },
];

const GROUPS = 'volumegroupsnapshot';
/** Specs of snapshots, of groups of them, and of volumes made from others. */
const COPIES = ['(snapshot|pvc) data source', 'restoring snapshot', '\\] snapshottable', GROUPS];

/** Most of these specs leave it to the scheduler to find the node of the source. */
const copies = COPIES.map((pattern) => ({
  pattern,
  why: 'sources and copies must be on one node; the runs `copies` and `copies-thick` have classes of one node',
}));

export const RUNS: readonly Run[] = [
  {
    name: 'thin',
    storageClass: 'test/e2e/class-thin.yaml',
    leftOut: [...leftOut, ...copies],
    install: installQuarry,
  },
  {
    name: 'thick',
    storageClass: 'test/e2e/class-thick.yaml',
    leftOut: [...leftOut, ...copies],
    install: installQuarry,
  },
  {
    name: 'copies',
    storageClass: 'test/e2e/class-copies.yaml',
    focus: COPIES,
    install: (cluster) => installSmallExtents(cluster, { name: 'fast', type: 'thin' }),
  },
  {
    name: 'copies-thick',
    storageClass: 'test/e2e/class-copies-thick.yaml',
    focus: COPIES,
    // Each copies a whole GiB from and to the same disk: more of them at once exceed the suite's timeouts.
    processes: 2,
    install: (cluster) => installSmallExtents(cluster, { name: 'bulk', type: 'thick' }),
  },
  // For these specs the suite wants volumes with immediate binding.
  {
    name: 'immediate',
    storageClass: 'test/e2e/class-immediate.yaml',
    focus: ['performance', 'volume-modify-stress'],
    install: installQuarry,
  },
  { name: 'limits', storageClass: 'test/e2e/class-thin.yaml', focus: [LIMITS], install: installSmallGroup },
  // The specs that stage, publish or expand volumes.
  {
    name: 'encrypted',
    storageClass: 'test/e2e/class-encrypted.yaml',
    focus: ['\\] (volumes|volumeIO|volumeMode|volume-expand|multiVolume|subPath|disruptive)[ \\[]'],
    leftOut: [...leftOut, ...copies],
    install: installWithPassphrase,
  },
];

/** Its class names this Secret. */
async function installWithPassphrase(cluster: Cluster): Promise<void> {
  await cluster.kubectl.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'volume-passphrase', namespace: 'default' },
    stringData: { passphrase: 'correct horse' },
  });
  await installQuarry(cluster);
}

/**
 * The specs of groups make volumes of 1 MiB, and restore their snapshots into claims of 1 MiB whatever size the snapshots have:
 * an extent of 4 MiB makes a volume, and so its snapshots, larger than that.
 */
async function installSmallExtents(cluster: Cluster, pool: { name: string; type: 'thin' | 'thick' }): Promise<void> {
  for (const { guest } of cluster.workers)
    await guest.shell('vgcreate --physicalextentsize 1m small-extents /dev/ubde');
  await installQuarry(cluster, { pools: [{ ...pool, volumeGroup: 'small-extents' }] });
}

/** The metadata areas of its groups set a node's limit of volumes: this one, made by hand, has 44 KiB and holds 22 volumes. */
async function installSmallGroup(cluster: Cluster): Promise<void> {
  const create = 'vgcreate --dataalignment 48k --metadatasize 40k small /dev/ubde';
  for (const { guest } of cluster.workers) await guest.shell(create);
  await installQuarry(cluster, { pools: [{ name: 'fast', volumeGroup: 'small', type: 'thin' }] });
}
