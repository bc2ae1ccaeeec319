/** For `catch`: a file of sysfs, or what it is about, that is gone is `undefined`; other errors are thrown. */
export function ignoreGone(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV') return undefined;
  throw error;
}
