import { expect } from 'vitest';
import type { Driver } from './driver.ts';

/** On a busy machine one attempt may take a minute. An attempt takes a second of the guest's processor. */
const patience = { timeout: 180_000, interval: 500 };

/** Runs a command of quarry until it succeeds. If it never does, the test's message has what the last attempt said. */
export async function untilSuccess(driver: Driver, ...words: string[]): Promise<void> {
  const attempt = async (): Promise<string> => {
    const { exitCode, stderr } = await driver.quarry(...words);
    return exitCode === 0 ? 'success' : `exit code ${exitCode}: ${stderr}`;
  };
  await expect.poll(attempt, patience).toBe('success');
}
