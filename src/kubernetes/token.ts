import * as z from 'zod';
import { Failure } from '../domain/errors.ts';

const claims = z.object({ exp: z.number().int() });

/**
 * The expiry of a token, in seconds since the epoch by the clock of its issuer. Does not check the signature: use it only for a token that
 * the API server has accepted.
 */
export function expiryOf(token: string): number {
  try {
    const parts = token.split('.');
    if (parts.length !== 3) throw new Error('it has not three parts');
    return claims.parse(JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'))).exp;
  } catch (cause) {
    // Never the token itself: this goes to the log.
    throw new Failure('invalid', 'the token is not a ServiceAccount token with an expiry', { cause });
  }
}
