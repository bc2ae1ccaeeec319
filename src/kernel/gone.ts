/** Whether the error says that a file is gone. A file of sysfs or of a cgroup that was opened before answers ENODEV. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV';
}

/** For `catch`: a file that is gone is `undefined`; other errors are thrown. */
export function ignoreGone(error: unknown): undefined {
  if (isGone(error)) return undefined;
  throw error;
}
