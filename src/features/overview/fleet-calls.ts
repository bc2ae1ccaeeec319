import { allPages, askRole, type RoleCalls } from '../../cli/ask.ts';
import type { Terminal } from '../../cli/command.ts';
import { isFailure } from '../../domain/errors.ts';
import type { Claim } from '../../gen/quarry/admin/v1/Claim.ts';
import type { Job } from '../../gen/quarry/admin/v1/Job.ts';
import type { Node } from '../../gen/quarry/admin/v1/Node.ts';
import type { Snapshot } from '../../gen/quarry/admin/v1/Snapshot.ts';
import type { Volume } from '../../gen/quarry/admin/v1/Volume.ts';
import { type Claims, jobRecord, nodeRecord, noticeRecords, poolRecord, snapshotRecord, volumeRecord } from './read.ts';
import type { JobRecord, NodeRecord, NoticeRecord, PoolRecord, SnapshotRecord, VolumeRecord } from './records.ts';

/** Lets the task ask the controller of this machine. */
export async function withFleet<T>(
  config: string,
  terminal: Terminal,
  task: (fleet: FleetCalls) => Promise<T>,
): Promise<T> {
  return askRole('controller', config, (calls) => task(new FleetCalls(calls, terminal)));
}

/** The whole lists of a controller, page by page. */
export class FleetCalls {
  readonly #calls: RoleCalls;
  readonly #terminal: Pick<Terminal, 'say'>;
  #claims: Promise<Claims> | undefined;
  #shownClaims: Promise<Claims> | undefined;
  #known: Promise<Node[]> | undefined;

  constructor(calls: RoleCalls, terminal: Pick<Terminal, 'say'>) {
    this.#calls = calls;
    this.#terminal = terminal;
  }

  async nodes(): Promise<NodeRecord[]> {
    return (await this.#nodes()).map(nodeRecord);
  }

  async pools(): Promise<PoolRecord[]> {
    return (await this.#nodes()).flatMap((node) => node.pools.map((pool) => poolRecord(node, pool)));
  }

  async volumes(): Promise<VolumeRecord[]> {
    const volumes = await allPages(async (pageToken) => {
      const page = await this.#calls.listVolumes({ pageToken });
      return { items: page.volumes as Volume[], nextPageToken: page.nextPageToken };
    });
    const claims = await this.#knownClaims();
    return volumes.map((volume) => volumeRecord(volume, claims));
  }

  async snapshots(): Promise<SnapshotRecord[]> {
    const snapshots = await allPages(async (pageToken) => {
      const page = await this.#calls.listSnapshots({ pageToken });
      return { items: page.snapshots as Snapshot[], nextPageToken: page.nextPageToken };
    });
    const claims = await this.#knownClaims();
    return snapshots.map((snapshot) => snapshotRecord(snapshot, claims));
  }

  /** What the nodes want to be known; it is in the list of nodes. */
  async notices(): Promise<NoticeRecord[]> {
    return (await this.#nodes()).flatMap(noticeRecords);
  }

  async jobs(): Promise<JobRecord[]> {
    const jobs = await allPages(async (pageToken) => {
      const page = await this.#calls.listReportedJobs({ pageToken });
      return { items: page.jobs as Job[], nextPageToken: page.nextPageToken };
    });
    const claims = await this.#knownClaims();
    return jobs.map((job) => jobRecord(job, claims));
  }

  #nodes(): Promise<Node[]> {
    this.#known ??= allPages(async (pageToken) => {
      const { nodes, nextPageToken } = await this.#calls.listNodes({ pageToken });
      return { items: nodes as Node[], nextPageToken };
    });
    return this.#known;
  }

  /** None without Kubernetes. If the API server does not answer, the user is told so. */
  #knownClaims(): Promise<Claims> {
    this.#shownClaims ??= this.#claimsOrNone();
    return this.#shownClaims;
  }

  async #claimsOrNone(): Promise<Claims> {
    try {
      return await this.claims();
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      this.#terminal.say(`The claims of the volumes are not known: ${error.message}`);
      return new Map();
    }
  }

  /** None without Kubernetes. Throws `unavailable` if the API server does not answer. */
  claims(): Promise<Claims> {
    this.#claims ??= this.#readClaims();
    return this.#claims;
  }

  async #readClaims(): Promise<Claims> {
    try {
      const claims = await allPages(async (pageToken) => {
        const page = await this.#calls.listClaims({ pageToken });
        return { items: page.claims as Claim[], nextPageToken: page.nextPageToken };
      });
      return new Map(claims.map(({ volumeId, namespace, name }) => [volumeId, { namespace, claim: name }]));
    } catch (error) {
      if (isFailure(error, 'unimplemented')) return new Map();
      throw error;
    }
  }
}
