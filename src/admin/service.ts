import type { JobStatus } from '../domain/jobs.ts';
import { rateKeys, type Rates, type Use } from '../domain/qos.ts';
import type { ListHungRequest } from '../gen/quarry/admin/v1/ListHungRequest.ts';
import type { ListHungResponseInit } from '../gen/quarry/admin/v1/ListHungResponse.ts';
import type { ListJobsRequest } from '../gen/quarry/admin/v1/ListJobsRequest.ts';
import type { ListJobsResponseInit } from '../gen/quarry/admin/v1/ListJobsResponse.ts';
import type { ListQosRequest } from '../gen/quarry/admin/v1/ListQosRequest.ts';
import type { ListQosResponseInit } from '../gen/quarry/admin/v1/ListQosResponse.ts';
import type { PodQosInit } from '../gen/quarry/admin/v1/PodQos.ts';
import type { RescanRequest } from '../gen/quarry/admin/v1/RescanRequest.ts';
import type { RescanResponseInit } from '../gen/quarry/admin/v1/RescanResponse.ts';

/** A volume and a pod, as whoever enforces limits knows them. */
export interface QosEntry {
  readonly volume: string;
  readonly pod: string | undefined;
  readonly target: string;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly remedy?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly use?: Use | undefined;
}

/** What the command line asks a running driver. */
export interface AdminService {
  listQos(request: ListQosRequest): Promise<ListQosResponseInit>;
  rescan(request: RescanRequest): Promise<RescanResponseInit>;
  listHung(request: ListHungRequest): Promise<ListHungResponseInit>;
  listJobs(request: ListJobsRequest): Promise<ListJobsResponseInit>;
}

export interface AdminPorts {
  readonly listQos: () => Promise<readonly QosEntry[]>;
  /** Resolves when disks, groups and pools were looked at. */
  readonly rescan: () => Promise<unknown>;
  /** What was given up at its deadline and still runs. */
  readonly listHung: () => readonly {
    readonly what: string;
    readonly pid?: number | undefined;
    /** Milliseconds since the epoch. */
    readonly since: number;
  }[];
  readonly listJobs: () => readonly JobStatus[];
}

/** Answers what the command line asks of a node. Figures of 64 bits go as text. */
export function createAdminService({ listQos, rescan, listHung, listJobs }: AdminPorts): AdminService {
  return {
    listQos: async () => ({ pods: (await listQos()).map(toMessage) }),
    async rescan() {
      await rescan();
      return {};
    },
    listHung: async () => ({
      work: listHung().map(({ what, pid = 0, since }) => ({ what, pid, sinceMs: String(since) })),
    }),
    listJobs: async () => ({
      jobs: listJobs().map(({ kind, pool, volume = '', lv, size, state, done, reason = '', since }) => {
        return { kind, pool, volumeId: volume, lv, size: String(size), state, done, reason, sinceMs: String(since) };
      }),
    }),
  };
}

function toMessage({ volume, pod, target, wanted, inForce, state, reason, remedy, since, use }: QosEntry): PodQosInit {
  return {
    volumeId: volume,
    podUid: pod ?? '',
    targetPath: target,
    wanted: inText(wanted, rateKeys),
    inForce: inText(inForce, rateKeys),
    state,
    reason: reason ?? '',
    remedy: remedy ?? '',
    sinceMs: String(since),
    ...(use && { use: inText(use, ['readBytes', 'writtenBytes', 'reads', 'writes']) }),
  };
}

/** 64-bit numbers go as text; one that is absent is 0. */
function inText<Key extends string>(numbers: Readonly<Partial<Record<Key, bigint>>>, keys: readonly Key[]) {
  return Object.fromEntries(keys.map((key) => [key, String(numbers[key] ?? 0n)]));
}
