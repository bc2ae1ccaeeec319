import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVolume, type Driver, MiB, outcomeOf, prepareDriver, startDriver, untilDone } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const pools = `
  - { name: wide, volumeGroup: qwide, type: thick, disks: { paths: ["/dev/ubd[a-d]"] }, approve: automatic }
  - name: thin
    volumeGroup: qthin
    type: thin
    disks: { paths: [/dev/ubde] }
    approve: automatic
    thin: { share: 50%, overprovision: 2 }`;
const disks = ['512M', '512M', '512M', '512M', '1G', '1G', '64M'];
const guest = useGuest({ disks });

// The driver's lvm is this wrapper, which fails or hangs while /tmp/lvm says so. Commands of the test bypass it.
const wrapper = `#!/bin/bash
case $(cat /tmp/lvm 2>/dev/null) in fail) echo '  a failure on purpose' >&2; exit 5 ;; hang) exec sleep 1000 ;; esac
exec /usr/sbin/lvm "$@"
`;

beforeAll(async () => {
  await guest().exec(['sh', '-c', 'cat >/usr/local/sbin/lvm; chmod +x /usr/local/sbin/lvm'], { input: wrapper });
});

const thick = (parameters: object = {}) => ({ parameters: { pool: 'wide', ...parameters } });

async function lv(field: string, name: string): Promise<string> {
  return (await guest().shell(`lvs --noheadings --units b --nosuffix -o ${field} ${name}`)).trim();
}

/** Looks up a missing volume, for which the driver must ask LVM. */
async function reread({ client }: Driver): Promise<void> {
  await outcomeOf(client.controller.controllerGetVolume({ volumeId: 'node-1:nothing' }));
}

async function largest(driver: Driver, parameters: Record<string, string>): Promise<number> {
  await reread(driver);
  const { maximumVolumeSize } = await driver.client.controller.getCapacity({ parameters });
  return Number(maximumVolumeSize?.value);
}

/** Locks a group, so that a command of the driver stays in flight; returns the function that unlocks it. */
async function holdLock(group: string): Promise<{ waiter(): Promise<void>; release(): Promise<void> }> {
  const holder = await guest().start(['flock', `/run/lock/lvm/V_${group}`, 'sh', '-c', 'echo held; cat']);
  await holder.stdout.waitFor('held');
  return {
    waiter: async () => void (await guest().shell("until grep -q -e '-> FLOCK' /proc/locks; do sleep 0.05; done")),
    release: async () => {
      holder.endInput();
      await holder.exited;
    },
  };
}

async function breakLvm(how: 'fail' | 'hang'): Promise<void> {
  await guest().shell(`echo ${how} >/tmp/lvm; pkill -9 -x lvm || true`);
}

async function mendLvm(): Promise<void> {
  await guest().shell('rm /tmp/lvm');
}

describe.each(['shell', 'command'] as const)('with lvm.process %s', (process) => {
  let driver: Driver;
  beforeAll(async () => {
    // LVM tries for five seconds to remove an open volume.
    driver = await startDriver(guest(), { pools, name: process, more: `lvm: { process: ${process}, deadline: 8s }` });
  });
  afterAll(async () => {
    await driver[Symbol.asyncDispose]();
  });
  const controller = () => driver.client.controller;

  test.each([
    ['thin', { parameters: { pool: 'thin' } }, 'qthin', 'thin', '0'],
    ['linear', thick(), 'qwide', 'linear', '1'],
    ['striped', thick({ stripes: '3', stripeSize: '128Ki' }), 'qwide', 'striped', '3'],
    ['mirrored', thick({ mirrors: '1' }), 'qwide', 'raid1', '2'],
    ['striped and mirrored', thick({ stripes: '2', mirrors: '1' }), 'qwide', 'raid10', '4'],
  ])('creates, finds, grows and removes a %s volume', async (name, over, group, segments, stripes) => {
    const csiName = `${name} of ${process}`;
    const id = await createVolume(driver, csiName, 24 * MiB, over);
    const path = `${group}/${id.slice('node-1:'.length)}`;
    expect(await lv('segtype,stripes,lv_size', path)).toMatch(new RegExp(`^${segments} +${stripes} +${24 * MiB}$`));
    expect(await createVolume(driver, csiName, 24 * MiB, over)).toBe(id);
    const found = await controller().controllerGetVolume({ volumeId: id });
    expect(found.volume?.capacityBytes).toBe(`${24 * MiB}`);

    const grow = { volumeId: id, capacityRange: { requiredBytes: `${47 * MiB}` } };
    expect((await controller().controllerExpandVolume(grow)).capacityBytes).toBe(`${48 * MiB}`);
    expect((await controller().controllerExpandVolume(grow)).capacityBytes).toBe(`${48 * MiB}`);
    expect(await lv('segtype,stripes,lv_size', path)).toMatch(new RegExp(`^${segments} +${stripes} +${48 * MiB}$`));

    await controller().deleteVolume({ volumeId: id });
    await controller().deleteVolume({ volumeId: id });
    expect((await guest().exec(['lvs', path])).exitCode).toBe(5);
    expect((await outcomeOf(controller().controllerGetVolume({ volumeId: id }))).code).toBe('NOT_FOUND');
  });

  test('serves the same volumes after a restart, from tags alone', async () => {
    const others = await controller().listVolumes({});
    expect(others.entries).toEqual([]);
    const ids = [
      await createVolume(driver, 'größe ☃', 8 * MiB, { parameters: { pool: 'thin', mkfsOptions: '-m 0' } }),
      await createVolume(driver, 'kept', 8 * MiB, thick({ stripes: '2' })),
    ];
    const before = await controller().listVolumes({});
    await driver.kill();
    await guest().shell(`rm -rf /run/quarry`);
    await driver.launch();
    await driver.ready();
    expect(await controller().listVolumes({})).toEqual(before);
    expect(new Set(before.entries.map(({ volume }) => volume?.volumeId))).toEqual(new Set(ids));
    expect(await createVolume(driver, 'kept', 8 * MiB, thick({ stripes: '2' }))).toBe(ids[1]);
    const other = await outcomeOf(createVolume(driver, 'kept', 8 * MiB, thick()));
    expect(other).toMatchObject({ code: 'ALREADY_EXISTS', details: expect.stringContaining('stripes is 2, not 1') });
    for (const volumeId of ids) await controller().deleteVolume({ volumeId });
  });

  test('counts foreign volumes as used space, and never touches them', async () => {
    const before = await largest(driver, { pool: 'wide' });
    await guest().shell('lvcreate -qq -y -L 100M -n foreign qwide /dev/ubda && echo theirs >/dev/qwide/foreign');
    expect(await largest(driver, { pool: 'wide' })).toBe(before - 100 * MiB);
    const same = await outcomeOf(createVolume(driver, 'foreign', 8 * MiB, thick()));
    expect(same.code).toBe('ALREADY_EXISTS');
    await controller().deleteVolume({ volumeId: 'node-1:foreign' });

    const id = await createVolume(driver, 'orphaned', 8 * MiB, thick());
    await guest().shell(`lvchange -qq --deltag quarry.id=${id} qwide/orphaned`);
    expect((await outcomeOf(controller().deleteVolume({ volumeId: id }))).code).toBe('FAILED_PRECONDITION');
    await reread(driver);
    await controller().deleteVolume({ volumeId: id });
    expect(await guest().shell('head -c 7 /dev/qwide/foreign; lvs --noheadings -o lv_name qwide/orphaned')).toMatch(
      /^theirs\n +orphaned\n$/,
    );
    await guest().shell('lvremove -qq -y qwide/orphaned qwide/foreign');
    await reread(driver);
  });

  test('does not remove a volume that another program has open', async () => {
    const id = await createVolume(driver, 'open', 8 * MiB, thick());
    const reader = await guest().start(['sh', '-c', 'exec 3</dev/qwide/open; echo open; cat'], {});
    await reader.stdout.waitFor('open');
    expect((await outcomeOf(controller().deleteVolume({ volumeId: id }))).code).toBe('FAILED_PRECONDITION');
    reader.endInput();
    await reader.exited;
    await controller().deleteVolume({ volumeId: id });
  });

  test.each(['fail', 'hang'] as const)('reports no volume as absent while LVM does %s', async (how) => {
    const id = await createVolume(driver, 'known', 8 * MiB, thick());
    await breakLvm(how);
    const calls = [
      () => controller().deleteVolume({ volumeId: 'node-1:unknown' }),
      () => controller().controllerGetVolume({ volumeId: 'node-1:unknown' }),
      () => controller().deleteVolume({ volumeId: id }),
      () => createVolume(driver, 'known', 8 * MiB, thick()),
      () => createVolume(driver, 'unknown', 8 * MiB, thick()),
    ];
    // If each call waits for the deadline, one is enough.
    for (const call of how === 'fail' ? calls : calls.slice(0, 1)) {
      expect((await outcomeOf(call())).code).toBe('UNAVAILABLE');
    }
    await mendLvm();
    await untilDone(() => controller().deleteVolume({ volumeId: id }));
    expect((await guest().exec(['lvs', 'qwide/known'])).exitCode).toBe(5);
    await controller().deleteVolume({ volumeId: 'node-1:unknown' });
  });

  test.each(['KILL', 'STOP'])('recovers from SIG%s to lvm during a command', async (signal) => {
    // The signal may hit a report that the driver makes by itself after an earlier change: the call has a command of its own then, and succeeds.
    let code = 'OK';
    for (let attempt = 0; code === 'OK' && attempt < 6; attempt += 1) {
      await controller().deleteVolume({ volumeId: 'node-1:cut' });
      const lock = await holdLock('qwide');
      const call = outcomeOf(createVolume(driver, 'cut', 8 * MiB, thick()));
      await lock.waiter();
      await guest().shell(`pkill -${signal} -x lvm`);
      await lock.release();
      code = (await call).code;
    }
    expect(code).toBe('UNAVAILABLE');
    const id = await untilDone(() => createVolume(driver, 'cut', 8 * MiB, thick()));
    expect(await lv('lv_size,lv_tags', 'qwide/cut')).not.toContain('creating');
    await controller().deleteVolume({ volumeId: id });
  });

  test.each([
    ['linear', { pool: 'wide' }, 4 * MiB],
    ['striped', { pool: 'wide', stripes: '4' }, 16 * MiB],
    ['mirrored', { pool: 'wide', mirrors: '3' }, 4 * MiB],
    ['striped and mirrored', { pool: 'wide', stripes: '2', mirrors: '1' }, 8 * MiB],
    ['thin', { pool: 'thin' }, 4 * MiB],
  ])('creates the largest possible %s volume, and refuses a larger one', async (name, parameters, unit) => {
    const size = await largest(driver, parameters);
    const more = await outcomeOf(createVolume(driver, `more ${name}`, size + unit, { parameters }));
    expect(more).toMatchObject({ code: 'RESOURCE_EXHAUSTED', details: expect.stringContaining(`${size} bytes`) });
    const volumeId = await createVolume(driver, `largest ${name}`, size, { parameters });
    const next = await outcomeOf(createVolume(driver, `next ${name}`, unit, { parameters }));
    expect(next.code).toBe('RESOURCE_EXHAUSTED');
    const grow = controller().controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: `${size + unit}` } });
    expect((await outcomeOf(grow)).code).toBe('RESOURCE_EXHAUSTED');
    const predicted = await controller().getCapacity({ parameters });
    expect(Number(predicted.maximumVolumeSize?.value)).toBe(await largest(driver, parameters));
    await controller().deleteVolume({ volumeId });
    expect(await largest(driver, parameters)).toBe(size);
  });
});

/** Empty devices of which there are so many that half of the metadata is full: nothing else fills it as fast. */
const manyDevices = (pool: string, message: 'create_thin' | 'delete') =>
  `for i in $(seq 1000000 1000450); do dmsetup message /dev/mapper/${pool}-tpool 0 "${message} $i"; done`;

describe('filling a pool', () => {
  const tight = (autoextend: string) => `
  - name: tight
    volumeGroup: qtight
    type: thin
    disks: { paths: [/dev/ubdf] }
    approve: automatic
    thin: { share: 20%, overprovision: 4, metadataSize: 2Mi, refuseAt: 52%${autoextend} }
  - { name: crowded, volumeGroup: crowded, type: thick }`;

  async function grown(field: string, size: number, driver: Driver): Promise<void> {
    driver.process().kill('SIGHUP');
    await guest().shell(
      `until [ $(lvs --noheadings --units m --nosuffix -o ${field} qtight/thinpool | cut -d. -f1) -gt ${size} ]; do sleep 0.1; done`,
    );
  }

  const exhausted = (what: RegExp) => ({
    code: 'RESOURCE_EXHAUSTED',
    details: expect.stringMatching(what),
  });

  test('refuses volumes once the data, the metadata or the metadata area of the group is too full', async () => {
    await guest().shell(`vgcreate -qq crowded /dev/ubdg && lvcreate -qq -an -l 1 -n tagged crowded -Zn -Wn`);
    await using driver = await startDriver(guest(), { pools: tight('') });
    const thin = { parameters: { pool: 'tight' } };
    const id = await createVolume(driver, 'full', 256 * MiB, thin);
    await guest().shell(manyDevices('qtight-thinpool', 'create_thin'));
    await reread(driver);
    expect(await outcomeOf(createVolume(driver, 'more', MiB, thin))).toMatchObject(
      exhausted(/metadata of the thin pool of tight is 5\d/),
    );
    await guest().shell(manyDevices('qtight-thinpool', 'delete'));
    await guest().shell('dd if=/dev/zero of=/dev/qtight/full bs=1M count=130 oflag=direct status=none');
    await reread(driver);
    expect(await outcomeOf(createVolume(driver, 'more', MiB, thin))).toMatchObject(
      exhausted(/thin pool of tight is [5-7]\d/),
    );
    expect(await largest(driver, { pool: 'tight' })).toBe(0);
    const grow = { volumeId: id, capacityRange: { requiredBytes: `${300 * MiB}` } };
    expect(await outcomeOf(driver.client.controller.controllerExpandVolume(grow))).toMatchObject(
      exhausted(/is [5-7]\d/),
    );

    const small = { parameters: { pool: 'crowded' } };
    await driver.client.controller.deleteVolume({ volumeId: await createVolume(driver, 'fits', MiB, small) });
    await guest().shell(
      `lvchange -qq $(for i in $(seq 500); do printf -- '--addtag %01000d ' $i; done) crowded/tagged`,
    );
    await reread(driver);
    expect(await outcomeOf(createVolume(driver, 'no', MiB, small))).toMatchObject(
      exhausted(/metadata area .* crowded/),
    );
    expect(await largest(driver, { pool: 'crowded' })).toBe(0);
  });

  test('grows the data and the metadata of a thin pool', async () => {
    const autoextend = ', autoextend: { threshold: 50%, by: 50% }';
    await using driver = await prepareDriver(guest(), { pools: tight(autoextend), more: 'rescan: 24h' });
    const size = Number.parseInt(await lv('lv_size', 'qtight/thinpool'), 10) / MiB;
    await driver.launch();
    await driver.ready();
    await grown('lv_size', size, driver);
    await createVolume(driver, 'room again', MiB, { parameters: { pool: 'tight' } });
    await guest().shell(manyDevices('qtight-thinpool', 'create_thin'));
    await grown('lv_metadata_size', 4, driver);
    await createVolume(driver, 'y', MiB, { parameters: { pool: 'tight' } });
  });
});
