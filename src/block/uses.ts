import { type DeviceNumber, deviceNumberOf, devicesAbove } from '../kernel/block-device.ts';

/** The queries to the kernel. */
export interface UsesKernel {
  readonly deviceNumberOf: typeof deviceNumberOf;
  readonly devicesAbove: typeof devicesAbove;
}

/** Where a device, or one of those numbers, is mounted. Throws `unavailable`. */
type MountsOf = (device: string, numbers: readonly DeviceNumber[]) => Promise<readonly string[]>;

/**
 * Finds the uses of a logical volume's device: the targets of its mounts, the paths of devices that are built on it, and the targets of
 * their mounts. Does not find processes that have the device open; LVM refuses to remove an open device.
 */
export function createUsesOf(mountsOf: MountsOf, kernel: UsesKernel = { deviceNumberOf, devicesAbove }) {
  return async (device: string): Promise<string[]> => {
    const number = await kernel.deviceNumberOf(device);
    const above = number === undefined ? [] : await kernel.devicesAbove(number);
    const targets = await mountsOf(
      device,
      above.map((upper) => upper.number),
    );
    return [...targets, ...above.map(({ path }) => path)];
  };
}
