import { readdir, readFile } from 'node:fs/promises';
import { untilCopied } from './commands.ts';

/**
 * Ends the processes that an earlier driver, killed alone, left waiting for a move from the disk: one that wakes up when the copy is complete would
 * end the move without a flush of the disks. Call it within the group's turn, when LVM shows the move, and before this driver waits for it: a
 * process that waits holds no lock of LVM. Returns how many there were. Only Quarry waits in this way, so no process of an administrator is ended.
 */
export async function endLeftProcesses(device: string, proc = '/proc'): Promise<number> {
  let ended = 0;
  for (const pid of await readdir(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const words = (await readFile(`${proc}/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (waitsFor(device, words) && kill(Number(pid))) ended += 1;
  }
  return ended;
}

function waitsFor(device: string, words: readonly string[]): boolean {
  const isFrom = (word: string) => word === device || word.startsWith(`${device}:`);
  return words.includes('pvmove') && words.includes(untilCopied) && words.some(isFrom);
}

/** `false`: it has just ended by itself. */
function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
