import type { Layer } from '../../src/block/layer.ts';
import type { Run } from '../../src/exec/run.ts';
import { deviceNumberOf, deviceSize } from '../../src/kernel/block-device.ts';

/** Runs in the guest: a layer that passes everything on, by device-mapper's linear target, over all but the first MiB of the device below. */
export function createLinearLayer(run: Run): Layer {
  // Without udev, dmsetup makes the device nodes itself.
  const dmsetup = async (...argv: string[]): Promise<void> => {
    const { exitCode, stderr } = await run(['dmsetup', ...argv], { deadline: 60_000, env: { DM_DISABLE_UDEV: '1' } });
    if (exitCode !== 0) throw new Error(`dmsetup ${argv.join(' ')}: ${stderr}`);
  };
  const pathOf = (name: string): string => `/dev/mapper/${name}`;
  const header = 2048n;
  const sectors = async (device: string): Promise<bigint> => (await deviceSize(device)) / 512n;
  const tableOver = async (below: string): Promise<string> =>
    `0 ${(await sectors(below)) - header} linear ${below} ${header}`;
  return {
    kind: 'linear',
    appliesTo: () => true,
    async state(name) {
      const there = (await deviceNumberOf(pathOf(name))) !== undefined;
      return there ? { open: true, device: pathOf(name) } : { open: false };
    },
    open: async (_volume, { name, below }) => dmsetup('create', name, '--table', await tableOver(below)),
    async resize({ name, below }) {
      if ((await sectors(pathOf(name))) === (await sectors(below)) - header) return;
      await dmsetup('reload', name, '--table', await tableOver(below));
      await dmsetup('resume', name);
    },
    close: (name) => dmsetup('remove', name),
    closeRemains: async () => undefined,
  };
}
