import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes a folder that is gone when the test has ended. For tests, and for what runs before each of them. */
export function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
