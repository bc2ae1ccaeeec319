import { type DeviceNumber, deviceNumberOf, devicesAbove } from '../kernel/block-device.ts';

/** What the search for uses asks the kernel. */
export interface UsesKernel {
  readonly deviceNumberOf: typeof deviceNumberOf;
  readonly devicesAbove: typeof devicesAbove;
}

/** Where a device, or one of those numbers, is mounted. Throws `unavailable`. */
type MountsOf = (device: string, numbers: readonly DeviceNumber[]) => Promise<readonly string[]>;

/**
 * Answers what uses a logical volume's device: the targets of its mounts, the devices that are built on it, as paths, and the
 * targets of their mounts. Empty: nothing does. It does not show a process that has the device open; LVM refuses to remove that.
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
