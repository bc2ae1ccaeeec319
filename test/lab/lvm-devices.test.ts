import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const pools = `
  - { name: wide, volumeGroup: qwide, type: thick, disks: { paths: [/dev/ubda] }, approve: automatic }`;
const guest = useGuest({ disks: ['512M'] });

const thick = () => ({ parameters: { pool: 'wide' } });

async function lv(field: string, name: string): Promise<string> {
  return (await guest().shell(`lvs --noheadings --units b --nosuffix -o ${field} ${name}`)).trim();
}

describe.each(['shell', 'command'] as const)('with lvm.process %s', (process) => {
  let driver: Driver;
  beforeAll(async () => {
    driver = await startDriver(guest(), { pools, name: process, more: `lvm: { process: ${process}, deadline: 8s }` });
  });
  afterAll(async () => {
    await driver[Symbol.asyncDispose]();
  });
  const controller = () => driver.client.controller;

  test('removes and resizes a volume only with its device if another program activated and opened it', async () => {
    const names = ['zz-open', 'zy-grown', 'aa-first'] as const;
    const ids = new Map<string, string>();
    for (const name of names) ids.set(name, await createVolume(driver, name, 8 * MiB, thick()));
    const id = (name: (typeof names)[number]): string => ids.get(name) ?? '';
    await guest().shell('lvchange -qq -an qwide/zz-open qwide/zy-grown');
    // The process for changes reads its list of devices now, while both volumes are inactive.
    await controller().controllerModifyVolume({ volumeId: id('aa-first'), mutableParameters: { readIops: '100' } });
    await guest().shell('lvchange -qq -ay qwide/zy-grown qwide/zz-open');
    const reader = await guest().start(['sh', '-c', 'exec 3</dev/qwide/zz-open; echo open; cat'], {});
    await reader.stdout.waitFor('open');
    const deletion = await outcomeOf(controller().deleteVolume({ volumeId: id('zz-open') }));
    expect(deletion.code).toBe('FAILED_PRECONDITION');
    expect(await lv('lv_size', 'qwide/zz-open')).toBe(`${8 * MiB}`);
    reader.endInput();
    await reader.exited;

    await controller().controllerModifyVolume({ volumeId: id('aa-first'), mutableParameters: { readIops: '200' } });
    await guest().shell('lvchange -qq -an qwide/zy-grown');
    await controller().controllerModifyVolume({ volumeId: id('aa-first'), mutableParameters: { readIops: '300' } });
    await guest().shell('lvchange -qq -ay qwide/zy-grown');
    const grow = { volumeId: id('zy-grown'), capacityRange: { requiredBytes: `${16 * MiB}` } };
    await controller().controllerExpandVolume(grow);
    expect(await guest().shell('blockdev --getsize64 /dev/qwide/zy-grown')).toBe(`${16 * MiB}\n`);

    for (const name of names) await controller().deleteVolume({ volumeId: id(name) });
    expect(await guest().shell('dmsetup ls')).not.toMatch(/zz--open|zy--grown|aa--first/);
  });
});
