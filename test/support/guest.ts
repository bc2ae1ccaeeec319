import { afterAll, beforeAll } from 'vitest';
import type { Guest, GuestOptions } from '../../lab/guest.ts';
import { bootGuest } from '../../lab/lab.ts';

/** Node 26 as a guest sees it: the host's, in the shared repository. */
export const GUEST_NODE = '/quarry/node_modules/.bin/node';

/**
 * One guest for all tests of a file, removed after them; a fault that its kernel reports fails the file. Returns a
 * function, because the guest does not exist before the first test runs.
 */
export function useGuest(options: GuestOptions = {}): () => Guest {
  let guest: Guest | undefined;
  beforeAll(async () => {
    guest = await bootGuest(options);
  });
  afterAll(async () => {
    await guest?.shutdown();
  });
  return () => {
    if (guest === undefined) throw new Error('the guest is there within tests only');
    return guest;
  };
}
