import { beforeAll, describe, expect, test } from 'vitest';
import { capabilities, createVolume, type Driver, MiB, outcomeOf, startDriver, untilDone } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['1G', '512M', '512M', '512M'] });
const pools = `
  - name: fast
    volumeGroup: qfast
    type: thin
    disks: { paths: ["/dev/ubda"] }
    approve: automatic
    thin: { share: 50%, overprovision: 3 }
  - name: slow
    volumeGroup: qslow
    type: thick
    disks: { paths: ["/dev/ubdb", "/dev/ubdc"] }
    approve: automatic
  - name: other
    volumeGroup: qother
    type: thin
    disks: { paths: ["/dev/ubdd"] }
    approve: automatic
    thin: { share: 80%, overprovision: 2 }`;

const size = 96 * MiB;
let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h\njobs: { copyRate: 1Gi }' });
});

const idOf = (name: string) => `node-1:${name}`;
const ofVolume = (name: string) => ({ volume: { volumeId: idOf(name) } });
const ofSnapshot = (name: string) => ({ snapshot: { snapshotId: idOf(`snap-${name}`) } });
const request = (name: string, source: object, parameters: Record<string, string>) => ({
  name,
  volumeContentSource: source,
  parameters,
  volumeCapabilities: [capabilities.block],
  capacityRange: { requiredBytes: `${size}` },
});
const copy = (name: string, source: object, parameters: Record<string, string>) =>
  untilDone(() => driver.client.controller.createVolume(request(name, source, parameters)));
const remove = (name: string) => driver.client.controller.deleteVolume({ volumeId: idOf(name) });
const take = (name: string, volume: string) =>
  driver.client.controller.createSnapshot({ name: `snapshot-${name}`, sourceVolumeId: idOf(volume) });
const removeSnapshot = (name: string) => driver.client.controller.deleteSnapshot({ snapshotId: idOf(`snap-${name}`) });
const sumOf = async (device: string) =>
  (await guest().shell(`head -c ${size} /dev/${device} | sha256sum`)).slice(0, 64);
const logicalVolumes = async () => (await guest().shell('lvs --noheadings -o lv_name')).trim().split(/\s+/).toSorted();
const allocated = async (lv: string) =>
  Number((await guest().shell(`lvs --noheadings -o data_percent ${lv}`)).trim()) * (size / 100);
/** Leaves old data on the free extents of the thick pools, so that a copy that skips zeros shows it. */
const soil = (group: string, extents: number) =>
  guest().shell(`lvcreate -qq -y -l ${extents} -n soil ${group}
    tr '\\0' '\\377' < /dev/zero | dd of=/dev/${group}/soil bs=1M iflag=fullblock oflag=direct status=none || :
    lvremove -qq -y ${group}/soil`);

describe('a copy', () => {
  beforeAll(async () => {
    await soil('qfast', 60);
    await soil('qslow', 60);
    await createVolume(driver, 'source', size);
    // A run, many blocks apart, zeros that were written, and most of it never written.
    await guest().shell(`set -e
      { seq 1 9999999 || :; } 2>/dev/null | head -c 8M | dd of=/dev/qfast/source bs=1M seek=3 iflag=fullblock conv=notrunc status=none
      for at in $(seq 400 3 460); do printf %s $at | dd of=/dev/qfast/source bs=64k seek=$at conv=notrunc status=none; done
      dd if=/dev/zero of=/dev/qfast/source bs=1M seek=80 count=4 conv=notrunc,fsync status=none`);
    await take('thin', 'source');
  });

  test.each([
    ['a thin snapshot to a linear volume of its group', ofSnapshot('thin'), { pool: 'fast', type: 'thick' }, 'qfast'],
    ['a thin volume to a striped volume', ofVolume('source'), { pool: 'slow', stripes: '2' }, 'qslow'],
    ['a thin volume to a mirrored volume', ofVolume('source'), { pool: 'slow', mirrors: '1' }, 'qslow'],
    ['a thin snapshot to another thin pool', ofSnapshot('thin'), { pool: 'other' }, 'qother'],
  ])('of %s has its content', async (_kind, source, parameters, group) => {
    const { volume } = await copy('copied', source, parameters);
    expect(volume?.capacityBytes).toBe(`${size}`);
    expect(await sumOf(`${group}/copied`)).toBe(await sumOf('qfast/source'));
    // 8 MiB and 21 blocks; not the zeros.
    if (group === 'qother') expect(await allocated('qother/copied')).toBeLessThan(10 * MiB);
    await remove('copied');
    expect(await logicalVolumes()).toEqual(['snap-thin', 'source', 'thinpool', 'thinpool']);
  });

  test('of a thick volume and of its snapshot to a thin volume has their content, and no blocks for zeros', async () => {
    await copy('thick', ofSnapshot('thin'), { pool: 'slow' });
    await take('thick', 'thick');
    await copy('thin', ofSnapshot('thick'), { pool: 'fast' });
    await copy('clone', ofVolume('thick'), { pool: 'fast' });
    const wanted = await sumOf('qfast/source');
    for (const name of ['thin', 'clone']) {
      expect(await sumOf(`qfast/${name}`)).toBe(wanted);
      expect(await allocated(`qfast/${name}`)).toBeLessThan(14 * MiB);
      await remove(name);
    }
    await removeSnapshot('thick');
    await remove('thick');
    expect(await logicalVolumes()).toEqual(['snap-thin', 'source', 'thinpool', 'thinpool']);
  });

  test('goes on after a kill and a power cut, though its source was deleted meanwhile', async () => {
    const wanted = await sumOf('qfast/source');
    const rate = (from: string, to: string) =>
      guest().shell(`sed -i 's/copyRate: ${from}/copyRate: ${to}/' ${driver.config}; sync`);
    await rate('1Gi', '4Mi');
    await driver.restart();
    const again = request('cut', ofSnapshot('thin'), { pool: 'slow' });
    const cut = outcomeOf(driver.client.controller.createVolume(again));
    const tags = () => guest().shell('lvs --noheadings -o lv_tags qslow/cut 2>/dev/null || true');
    await expect.poll(tags, { timeout: 30_000 }).toContain('quarry.copied=');
    await removeSnapshot('thin');
    await driver.kill();
    await cut;
    await driver.launch();
    await rate('4Mi', '1Gi');
    await driver.powerCut();
    await untilDone(() => driver.client.controller.createVolume(again));
    expect(await sumOf('qslow/cut')).toBe(wanted);
    // CSI wants the same answer to the same request.
    const { volume } = await driver.client.controller.createVolume(again);
    expect(volume).toMatchObject({ volumeId: idOf('cut'), contentSource: ofSnapshot('thin') });
    await remove('cut');
    expect(await logicalVolumes()).toEqual(['source', 'thinpool', 'thinpool']);
    expect(await outcomeOf(driver.client.controller.createVolume(again))).toMatchObject({ code: 'NOT_FOUND' });
  });
});
