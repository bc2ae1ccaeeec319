import { lstat, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { SocketServer } from '../grpc/server.ts';

/** A served socket and its file. */
export interface PlacedSocket {
  /** Whether the file exists and is still this one. */
  inPlace(): Promise<boolean>;
  /** Removes the file, if it is this one, and stops serving. */
  remove(): Promise<void>;
}

/**
 * Serves under a hidden name, which kubelet ignores, and then moves the socket to its place: a client that sees it can connect, and a
 * stale one is replaced without a gap, in which kubelet would forget the driver.
 */
export async function placeSocket(path: string, createServer: (path: string) => SocketServer): Promise<PlacedSocket> {
  const hidden = join(dirname(path), `.${basename(path)}`);
  const server = createServer(hidden);
  await server.start();
  try {
    const { dev, ino } = await lstat(hidden);
    await rename(hidden, path);
    const inPlace = async (): Promise<boolean> => {
      const found = await lstat(path).catch(() => undefined);
      return found?.ino === ino && found.dev === dev;
    };
    return {
      inPlace,
      async remove() {
        if (await inPlace()) await unlink(path);
        await server.stop(stopDeadline);
      },
    };
  } catch (error) {
    await server.stop(0);
    throw error;
  }
}

/** Milliseconds for kubelet's calls in flight; none of them changes anything. */
const stopDeadline = 1000;
