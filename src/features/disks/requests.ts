import { askRole } from '../../cli/ask.ts';

export async function removeDisk({
  config,
  disk,
  dryRun,
}: Readonly<{ config: string; disk: string; dryRun: boolean }>): Promise<string> {
  await askRole('node', config, (calls) => calls.removeDisk({ disk, dryRun }));
  return dryRun ? `${disk} can be removed.\n` : `${disk} has left its group.\n`;
}
