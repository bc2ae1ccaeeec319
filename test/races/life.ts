import { maximum, MiB } from '../../src/domain/bytes.ts';
import { createLocks } from '../../src/concurrency/locks.ts';
import { createQueue } from '../../src/concurrency/queue.ts';
import { createRepeater } from '../../src/concurrency/repeater.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { identifyGroup } from '../../src/domain/groups.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import { Connection } from '../../src/fleet/client/connection.ts';
import { serve } from '../../src/fleet/wire/responder.ts';
import { createGroupSnapshotsService } from '../../src/fleet/wire/group-snapshots.ts';
import { createSnapshotsService } from '../../src/fleet/wire/snapshots.ts';
import { createVolumesService } from '../../src/fleet/wire/volumes-service.ts';
import { InventoryCache } from '../../src/lvm/cache.ts';
import type { Devices } from '../../src/lvm/devices.ts';
import { createInterruptedCreations } from '../../src/lvm/interrupted-creations.ts';
import type { Lvm, LvmAnswer, LvmArguments } from '../../src/lvm/process/lvm.ts';
import { LocalStorage } from '../../src/lvm/storage.ts';
import { createWriter } from '../../src/lvm/writer.ts';
import { spec } from '../unit/lvm/fake-lvm.ts';
import { noMessages } from '../unit/lvm/fake-storage.ts';
import { fakeThinMetadata } from '../unit/lvm/fake-thin-pool.ts';
import { driver, log, timing } from './constants.ts';
import { Jobs } from './jobs.ts';
import { versions } from '../../src/fleet/wire/protocol.ts';
import type { Machine } from './machine.ts';

/** Bytes a second: a copy takes some steps of a second. */
const copyRate = 16n * MiB;
/** Milliseconds that a call waits for the end of a copy: some time out before, and some do not. */
const copyWait = 1000;

/** One process of the driver on a node. */
export class Life {
  readonly cache: InventoryCache;
  readonly #machine: Machine;
  readonly #instance: string;
  readonly #storage: LocalStorage;
  readonly #creations: ReturnType<typeof createInterruptedCreations>;
  readonly #jobs: Jobs;
  readonly #report: ReturnType<typeof createRepeater>;
  readonly #connections = new Map<number, Connection>();
  /** Commands that LVM was given and has not begun. */
  readonly #given = new Set<() => void>();
  #alive = true;

  constructor(machine: Machine, instance: string, boot: string) {
    this.#machine = machine;
    this.#instance = instance;
    const node = machine.name as NodeName;
    const lvm = this.#lvm();
    this.cache = new InventoryCache(lvm, node, [machine.spec], () => this.#connections.forEach((one) => one.report()));
    this.#report = createRepeater({
      task: async () => void (await this.cache.refresh()),
      delay: 1000,
      failed: () => undefined,
    });
    const devices: Devices = {
      exists: async () => true,
      wipe: (device) => this.#turn('changes').then(() => refuseLost(machine, device)),
      flush: async () => undefined,
      volumeLimit: () => 100,
    };
    const writer = createWriter({
      lvm,
      cache: this.cache,
      queue: createQueue(),
      // No disk loses what LVM has committed.
      readLocations: async () => new Map(),
      devices,
      mend: async () => false,
      messages: noMessages,
      changed: () => this.#report.soon(),
    });
    this.#storage = new LocalStorage({
      node,
      boot,
      lvm,
      cache: this.cache,
      locks: createLocks(),
      writer,
      thinMetadata: fakeThinMetadata({ lvm, cache: this.cache, writer }),
      usesOf: async () => [],
      devices,
      copies: {
        take: async () => this.#turn('changes').then(() => 0),
        resume: async () => [],
        abandon: async () => undefined,
      },
      copying: {
        range: (range) => this.#turn('changes').then(() => machine.contents.write(range)),
        rate: copyRate,
        wait: copyWait,
        record: 0,
        log,
      },
      erasing: {
        zero: () => this.#turn('changes'),
        discard: () => this.#turn('changes'),
        keys: { destroy: () => this.#turn('changes'), verify: () => this.#turn('changes') },
        rate: maximum,
        log,
      },
    });
    this.#creations = createInterruptedCreations({ storage: this.#storage, cache: this.cache, log });
    this.#jobs = new Jobs({
      storage: this.#storage,
      lvm,
      cache: this.cache,
      writer,
      comesBack: machine.options.disks < 3,
    });
  }

  async start(): Promise<void> {
    this.dial();
    await this.rescan();
  }

  async rescan(): Promise<void> {
    const { lvm, name, spec: pool } = this.#machine;
    const group = { uuid: lvm.uuid, tags: new Map<string, string>() };
    const state = identifyGroup(pool, name as NodeName, lvm.present ? [group] : [], group);
    this.cache.identify(new Map([[pool.group, state]]));
    await this.cache.refresh();
    for (const job of this.#creations.find()) {
      const { signal } = new AbortController();
      await job.run({ signal, progress: () => undefined }).catch((error: unknown) => {
        if (!isFailure(error)) throw error;
      });
    }
    if (this.#machine.disks) await this.#jobs.settleDisks(pool.group);
    this.#jobs.look();
  }

  dial(): void {
    for (const controller of [0, 1]) if (!this.#connections.has(controller)) this.#dial(controller);
  }

  end(): void {
    this.#alive = false;
    const { schedule, random } = this.#machine.options;
    for (const channel of ['reports', 'changes']) schedule.drop(this.#channel(channel));
    for (const apply of this.#given) if (random.chance(0.5)) apply();
    void this.#report.stop();
    this.#jobs.end();
    for (const connection of this.#connections.values()) connection.close('killed');
  }

  #dial(controller: number): void {
    const { protocol, open } = this.#machine.options;
    const transport = open(this.#machine, controller);
    if (!transport) return;
    const hello = { oldestVersion: versions.oldest, newestVersion: versions.newest, driver, driverVersion: '1' };
    const connection = new Connection({
      address: { host: String(controller), port: 0, name: 'controllers' },
      open: () => transport,
      hello: { ...hello, node: this.#machine.name, instance: this.#instance },
      storage: this.#storage,
      methods: new Map([
        ...serve(protocol.volumes, createVolumesService(this.#storage)),
        ...serve(protocol.snapshots, {
          ...createSnapshotsService(this.#storage.snapshots),
          ...createGroupSnapshotsService(this.#storage.groupSnapshots),
        }),
      ]),
      protocol,
      timing,
      log,
      now: Date.now,
      changed: () => this.#connections.forEach((one) => one.report()),
    });
    this.#connections.set(controller, connection);
    void connection.left.then(() => {
      this.#connections.delete(controller);
      const again = (): void => {
        if (this.#alive && !this.#connections.has(controller)) this.#dial(controller);
      };
      this.#machine.options.schedule.add(`dial ${this.#machine.name} ${controller}`, again);
    });
  }

  /** The machine's LVM: each command begins, and answers, when the schedule says so. */
  #lvm(): Lvm {
    const { lvm } = this.#machine;
    const run = async (
      channel: string,
      argv: LvmArguments,
      work: () => Promise<LvmAnswer>,
      begun: () => unknown = () => undefined,
    ): Promise<LvmAnswer> => {
      await this.#turn(channel);
      begun();
      const isThere = lvm.present || argv[0] === 'fullreport' || argv[0] === 'vgs';
      const answer = isThere
        ? await work()
        : { ok: false as const, messages: [`Volume group "${spec.group}" not found`] };
      await this.#turn(channel);
      return answer;
    };
    const change = async (argv: LvmArguments): Promise<LvmAnswer> => {
      const work = (): Promise<LvmAnswer> => this.#machine.change(argv);
      const apply = (): void => {
        if (lvm.present) void work();
      };
      this.#given.add(apply);
      return run('changes', argv, work, () => this.#given.delete(apply));
    };
    return {
      report: (argv) => run('reports', argv, () => lvm.report(argv)),
      reportForChange: (argv) => run('changes', argv, () => this.#machine.lookForChange(argv)),
      change,
      slowChange: change,
      changing: false,
      restart: () => undefined,
      restartReports: () => undefined,
    };
  }

  #turn(channel: string): Promise<void> {
    // A process that was killed does nothing more.
    if (!this.#alive) return new Promise(() => undefined);
    return this.#machine.options.schedule.turn(this.#channel(channel));
  }

  #channel(channel: string): string {
    return `lvm ${this.#instance} ${channel}`;
  }
}

/** The disk answers no more. */
function refuseLost({ disks }: Machine, device: string): void {
  if (disks?.hasLost(device)) throw new Failure('unavailable', `${device}: Input/output error`);
}
