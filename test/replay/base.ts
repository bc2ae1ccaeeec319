import { open } from 'node:fs/promises';
import type { Disks } from './disks.ts';
import { keepRecords, Node } from './node.ts';
import { create, deviceOf } from './operation.ts';
import { baseVolumes } from './operations.ts';

/** Lets a driver take the disks and make the volumes of the base, and writes their content. */
export async function buildBase(disks: Disks): Promise<void> {
  await disks.building(async () => {
    const node = await Node.start('base');
    try {
      for (const { name, type, size, written } of baseVolumes) {
        await create(node, name, size, { type });
        if (written > 0) await fill(name, written);
      }
    } catch (cause) {
      throw new Error(`the base could not be built:\n${node.log()}`, { cause });
    }
    await node.stop();
    await keepRecords();
  });
}

async function fill(name: string, bytes: number): Promise<void> {
  await using device = await open(deviceOf(name), 'r+');
  await device.write(Buffer.alloc(bytes, `content of ${name}\n`), 0, bytes, 0);
  await device.sync();
}
