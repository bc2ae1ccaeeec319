import * as z from 'zod';
import { Failure } from '../domain/errors.ts';

const claims = z.object({ exp: z.number().int() });

/**
 * When a token ends, in seconds since the epoch by the clock of who issued it. Its signature is not checked here: only what the API
 * server has vouched for may be believed.
 */
export function expiryOf(token: string): number {
  try {
    const parts = token.split('.');
    if (parts.length !== 3) throw new Error('it has not three parts');
    return claims.parse(JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'))).exp;
  } catch (cause) {
    // Never the token itself: this goes to the log.
    throw new Failure('invalid', 'the token is no ServiceAccount token that ends', { cause });
  }
}
