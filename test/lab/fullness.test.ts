import { beforeAll, describe, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['128M', '128M', '128M', '64M'] });
const thin = (name: string, rest: string) => `
  - name: ${name}
    volumeGroup: q${name}
    type: thin
    ${rest}`;
const disks = (paths: string) => `disks: { paths: [${paths}] }\n    approve: automatic`;
const pools = [
  thin('data', `${disks('/dev/ubda, /dev/ubde')}\n    thin: { share: 60%, metadataSize: 4Mi, overprovision: 10 }`),
  thin('meta', 'thin: { share: 50%, metadataSize: 2Mi, overprovision: 10 }'),
  thin(
    'check',
    `${disks('/dev/ubdc')}\n    thin: { share: 50%, metadataSize: 4Mi, overprovision: 10, autoextend: { threshold: 90%, by: 55% } }`,
  ),
  '\n  - { name: area, volumeGroup: qarea, type: thick }',
].join('');

let driver: Driver;
beforeAll(async () => {
  // Small extents, because the metadata of a thin pool is a number of extents and a test fills it.
  await guest().shell('vgcreate -qq -s 1m qmeta /dev/ubdb; vgcreate -qq qarea /dev/ubdd');
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

const ok = { code: 'OK', details: '' };
const answer = (code: string, details: RegExp) => ({ code, details: expect.stringMatching(details) });
const path = (name: string) => ({ volumeId: `node-1:${name}`, stagingTargetPath: `/run/stage-${name}` });
const create = (name: string, pool: string, size = 64) =>
  outcomeOf(createVolume(driver, name, size * MiB, { parameters: { pool } }));
const remove = (name: string) => outcomeOf(driver.client.controller.deleteVolume({ volumeId: `node-1:${name}` }));
const unstage = (name: string) => outcomeOf(driver.client.node.nodeUnstageVolume(path(name)));
const expand = (name: string, size: number) =>
  outcomeOf(
    driver.client.controller.controllerExpandVolume({
      volumeId: `node-1:${name}`,
      capacityRange: { requiredBytes: `${size * MiB}` },
    }),
  );
async function stage(name: string) {
  await guest().shell(`mkdir -p /run/stage-${name}`);
  return outcomeOf(driver.client.node.nodeStageVolume({ ...path(name), volumeCapability: capabilities.ext4 }));
}

/** Creates a volume with a filesystem and a file in it. */
async function createWithFile(name: string, pool: string, size = 1): Promise<void> {
  expect(await create(name, pool)).toEqual(ok);
  expect(await stage(name)).toEqual(ok);
  await guest().shell(`dd if=/dev/urandom of=/run/stage-${name}/file bs=1M count=${size} conv=fsync status=none`);
}

const lvs = async (fields: string, lv: string) =>
  (await guest().shell(`lvs --noheadings --units m --nosuffix -o ${fields} ${lv}`)).trim();
const exists = async (lv: string) => (await guest().exec(['lvs', lv])).exitCode === 0;
/** Writes random data from the start of a device; fails with the kernel's error. */
const write = (device: string, size: number) =>
  guest().exec(['dd', 'if=/dev/urandom', `of=${device}`, 'bs=64k', `count=${size * 16}`, 'oflag=direct']);

/** The MiB that are free in the thin pool of a group. */
async function free(group = 'qdata'): Promise<number> {
  const [size = '', used = ''] = (await lvs('lv_size,data_percent', `${group}/thinpool`)).split(/\s+/);
  return Math.floor(Number(size) * (1 - Number(used) / 100));
}

test('a thin pool that grows by itself lets a faster writer wait, long before the next rescan', async () => {
  expect(await create('racer', 'check')).toEqual(ok);
  const before = Number(await lvs('lv_size', 'qcheck/thinpool'));
  expect(await write('/dev/qcheck/racer', (await free('qcheck')) + 8)).toMatchObject({ exitCode: 0 });
  expect(Number(await lvs('lv_size', 'qcheck/thinpool'))).toBeGreaterThan(before);
  expect(await remove('racer')).toEqual(ok);
});

describe('a thin pool without free data', () => {
  /** Starts the driver with another configuration of the pool. */
  async function setWhenFull(whenFull: 'queue' | 'error'): Promise<void> {
    await driver.kill();
    await guest().shell(
      `sed -i 's/share: 60%,\\( whenFull: [a-z]*,\\)*/share: 60%, whenFull: ${whenFull},/' ${driver.config}`,
    );
    await driver.launch();
    await driver.ready();
    expect(await lvs('lv_when_full', 'qdata/thinpool')).toBe(whenFull);
  }

  beforeAll(async () => {
    await createWithFile('files', 'data', 8);
    // ext4 writes its inode tables in the background, within a transaction: in a full pool this would block `sync`.
    await guest().shell('while pgrep ext4lazyinit >/dev/null; do sleep 0.1; done');
    for (const name of ['ballast', 'idle']) await create(name, 'data');
    await write('/dev/qdata/ballast', 8);
  });

  test('fails writers at once with whenFull: error, and serves again after a deletion', async () => {
    await setWhenFull('error');
    for (const name of ['greedy', 'late']) expect(await create(name, 'data')).toEqual(ok);
    expect((await write('/dev/qdata/greedy', (await free()) + 4)).stderr).toMatch(/No space left on device/);
    expect(await unstage('files')).toEqual(ok);
    expect(await stage('files')).toEqual(ok);
    expect(await stage('late')).toEqual(answer('UNAVAILABLE', /ext4 could not be made/));
    expect(await remove('greedy')).toEqual(ok);
    expect(await stage('late')).toEqual(ok);
    expect((await write('/dev/qdata/idle', 4)).exitCode).toBe(0);
    await setWhenFull('queue');
  });

  const room = {
    'a volume is deleted': async () => expect(await remove('ballast')).toEqual(ok),
    // Only this filesystem is written back: the others of the pool wait for room.
    'files are deleted and their filesystem is trimmed': () =>
      guest().shell('rm /run/stage-files/file; sync -f /run/stage-files; fstrim /run/stage-files'),
    'a disk is added': async () => {
      expect(await guest().addDisk('128M')).toBe('/dev/ubde');
      driver.process().kill('SIGHUP');
    },
  };
  test.each(Object.entries(room))('lets writers wait until %s, if it queues', async (_what, makeRoom) => {
    expect(await create('writer', 'data')).toEqual(ok);
    const size = (await free()) + 4;
    const script = `head -c ${size}M /dev/urandom >/run/written
      dd if=/run/written of=/dev/qdata/writer bs=64k oflag=direct status=none`;
    const writer = await guest().start(['sh', '-c', script]);
    await guest().shell('until dmsetup status qdata-thinpool-tpool | grep -q out_of_data_space; do sleep 0.1; done');
    expect((await create('refused', 'data')).code).toBe('RESOURCE_EXHAUSTED');
    const full = /thin pool qdata\/thinpool is out of data space: add a disk, delete volumes, or .*fstrim/;
    expect(await create('refused', 'data')).toEqual(answer('RESOURCE_EXHAUSTED', full));
    expect(await expand('idle', 128)).toEqual(answer('RESOURCE_EXHAUSTED', full));
    expect(await driver.client.controller.getCapacity({ parameters: { pool: 'data' } })).toMatchObject({
      availableCapacity: '0',
    });
    expect(await create('elsewhere', 'check')).toEqual(ok);
    expect(await remove('elsewhere')).toEqual(ok);
    await makeRoom();
    expect((await writer.exited).exitCode).toBe(0);
    await guest().shell(`cmp -n ${size}M /run/written /dev/qdata/writer`);
    expect(await remove('writer')).toEqual(ok);
    expect(await create('refused', 'data')).toEqual(ok);
    expect(await remove('refused')).toEqual(ok);
  });
});

/** Adds empty devices until the metadata is full: nothing else fills it as fast. */
function fillMetadata(group: string) {
  const fill = `for i in {1000..3000}; do dmsetup message ${group}-thinpool-tpool 0 "create_thin $i" || break; done`;
  return guest().shell(`{ ${fill}; } 2>/dev/null; dmsetup status ${group}-thinpool-tpool | grep ' ro '`);
}

test('a thin pool without free metadata refuses changes, also deletions, until its metadata is enlarged', async () => {
  await createWithFile('m1', 'meta');
  expect(await create('m2', 'meta')).toEqual(ok);
  await fillMetadata('qmeta');
  const problem = /thin pool qmeta\/thinpool is out of metadata space: enlarge .*"lvextend --poolmetadatasize/;
  // From LVM's state, not from the report in memory: it is older.
  for (const _ of ['first', 'again']) expect(await remove('m2')).toEqual(answer('UNAVAILABLE', problem));
  expect(await exists('qmeta/m2')).toBe(true);
  expect((await write('/dev/qmeta/m2', 1)).stderr).toMatch(/Input\/output error/);
  expect((await create('m3', 'meta')).code).toBe('RESOURCE_EXHAUSTED');
  expect(await create('m3', 'meta')).toEqual(answer('RESOURCE_EXHAUSTED', problem));
  expect(await expand('m2', 96)).toEqual(answer('RESOURCE_EXHAUSTED', problem));
  expect(await unstage('m1')).toEqual(ok);
  expect(await stage('m1')).toEqual(ok);
  await guest().shell('head -c 1M /run/stage-m1/file >/dev/null');

  const { exitCode, stdout } = await driver.quarry('doctor');
  expect(stdout).toMatch(/^warning +pools +meta: ThinPoolOutOfMetadata: .*lvextend --poolmetadatasize/m);
  expect(stdout).toMatch(/^warning +pools +the metadata of pool meta is \d+ % full/m);
  expect(exitCode).toBe(0);
  await guest().shell('lvextend -qq --poolmetadatasize +1m qmeta/thinpool');
  expect((await write('/dev/qmeta/m2', 1)).exitCode).toBe(0);
  expect(await remove('m2')).toEqual(ok);
  expect(await create('m3', 'meta')).toEqual(ok);
});

describe('a thin pool with damaged metadata', () => {
  const read = () => guest().shell('sha256sum </run/stage-kept/file');
  const refusedTwice = async (name: string, details: RegExp) => {
    for (const _ of ['first', 'again']) expect(await remove(name)).toEqual(answer('UNAVAILABLE', details));
    expect(await exists(`qcheck/${name}`)).toBe(true);
  };
  let sum: string;
  beforeAll(async () => {
    await createWithFile('kept', 'check');
    sum = await read();
    for (const name of ['k1', 'k2']) await create(name, 'check');
    await unstage('kept');
  });

  test("is not activated if LVM's check fails, and can be repaired although deletions were asked for meanwhile", async () => {
    await driver.kill();
    await guest().shell(`set -- $(dmsetup table qcheck-thinpool_tmeta)
      vgchange -qq -an qcheck
      dd if=/dev/urandom of=/dev/ubdc bs=512 seek=$(($5 + 16)) count=24 conv=notrunc oflag=direct status=none`);
    await driver.launch();
    await driver.ready();
    const problem = /Check of pool qcheck\/thinpool failed.*"lvconvert --repair qcheck\/thinpool"/;
    await refusedTwice('k2', problem);
    expect(await stage('kept')).toEqual(answer('UNAVAILABLE', problem));
    expect(await create('k4', 'check')).toEqual(answer('RESOURCE_EXHAUSTED', problem));
    expect(await create('elsewhere', 'data')).toEqual(ok);

    await guest().shell('lvconvert -qq -y --repair qcheck/thinpool');
    expect(await remove('k2')).toEqual(ok);
    expect(await stage('kept')).toEqual(ok);
    expect(await read()).toBe(sum);
    driver.process().kill('SIGHUP');
    while ((await create('k4', 'check')).code !== 'OK');
    expect(await unstage('kept')).toEqual(ok);
  });

  test('needs a check after an error of a disk, and works again after its repair', async () => {
    // Writes fail, except those of the first block, in which the kernel notes that a check is needed.
    await guest().shell(`modprobe dm-flakey
      set -- $(dmsetup table qcheck-thinpool_tmeta)
      change() { dmsetup suspend --noflush qcheck-thinpool_tmeta; dmsetup load qcheck-thinpool_tmeta; dmsetup resume qcheck-thinpool_tmeta; }
      printf '0 8 linear %s %s\\n8 %s flakey %s %s 0 3600 1 error_writes\\n' $4 $5 $(($2 - 8)) $4 $(($5 + 8)) | change
      dd if=/dev/urandom of=/dev/qcheck/k1 bs=64k count=4 oflag=direct conv=fsync status=none && exit 1
      echo "$*" | change`);
    const problem = /thin pool qcheck\/thinpool needs a check\. .*vgchange -an qcheck/;
    await refusedTwice('k1', problem);
    expect((await create('k3', 'check')).code).toBe('RESOURCE_EXHAUSTED');
    expect(await create('k3', 'check')).toEqual(answer('RESOURCE_EXHAUSTED', problem));

    await guest().shell('vgchange -qq -an qcheck; lvconvert -qq -y --repair qcheck/thinpool');
    expect(await remove('k1')).toEqual(ok);
    expect(await stage('kept')).toEqual(ok);
    expect(await read()).toBe(sum);
    expect(await unstage('kept')).toEqual(ok);
  });
});

test('full metadata of a thin pool with autoextend grows at the next look, and all works again', async () => {
  for (const name of ['m4', 'm5']) expect(await create(name, 'check')).toEqual(ok);
  const size = await lvs('lv_metadata_size', 'qcheck/thinpool');
  // A driver that runs would see the threshold before the end.
  driver.process().kill('SIGSTOP');
  await fillMetadata('qcheck');
  driver.process().kill('SIGCONT');
  await expect.poll(() => lvs('lv_metadata_size', 'qcheck/thinpool'), { timeout: 60_000 }).not.toBe(size);
  expect((await write('/dev/qcheck/m4', 1)).exitCode).toBe(0);
  expect(await remove('m4')).toEqual(ok);
  expect(await create('m6', 'check')).toEqual(ok);
});

test('a full metadata area refuses changes that need more of it, makes nothing by half, and lets volumes be used and deleted', async () => {
  const names = async () => (await lvs('lv_name', 'qarea')).split(/\s+/);
  const modify = () =>
    outcomeOf(
      driver.client.controller.controllerModifyVolume({
        volumeId: 'node-1:a1',
        mutableParameters: { readIops: '1000', writeIops: '1000', readBandwidth: '100Mi', writeBandwidth: '100Mi' },
      }),
    );
  for (const name of ['a1', 'a2', 'a3']) expect(await create(name, 'area', 4)).toEqual(ok);
  // Fills what an administrator's tags can, while the report in memory shows a free area.
  await guest().shell(`n=0
    for step in '400 1000' '20 1000' '1 1000' '1 50'; do
      set -- $step
      while :; do
        tags=()
        for ((i = 0; i < $1; i++)); do n=$((n + 1)); tags+=(--addtag "f$n-$(printf '%0*d' $2 0)"); done
        vgchange -qq "\${tags[@]}" qarea 2>/dev/null || break
      done
    done`);
  expect(await modify()).toEqual(
    answer('RESOURCE_EXHAUSTED', /could not be changed.*the metadata area is full: delete volumes or tags/),
  );
  expect((await create('a4', 'area', 4)).code).toBe('RESOURCE_EXHAUSTED');
  expect(await create('a4', 'area', 4)).toEqual(
    answer('RESOURCE_EXHAUSTED', /the metadata area of volume group qarea is full/),
  );
  expect((await expand('a1', 8)).code).toBe('RESOURCE_EXHAUSTED');
  expect(await names()).toEqual(['a1', 'a2', 'a3']);
  expect(await stage('a2')).toEqual(ok);
  expect(await unstage('a2')).toEqual(ok);
  expect(await remove('a3')).toEqual(ok);
  expect(await names()).toEqual(['a1', 'a2']);
  await guest().shell(`vgs --noheadings -o vg_tags qarea | tr -d ' ' | tr , '\\n' | grep ^f |
    sed 's/^/--deltag\\n/' | xargs -n 200 vgchange -qq qarea`);
  expect(await create('a4', 'area', 4)).toEqual(ok);
  expect(await modify()).toEqual(ok);
});
