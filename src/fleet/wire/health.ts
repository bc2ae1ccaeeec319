import { Failure } from '../../domain/errors.ts';
import { type Condition, isReason } from '../../domain/health.ts';
import { parsePoolName, parseVolumeId } from '../../domain/ids.ts';
import type { Health, HealthInit } from '../../gen/quarry/node/v1/Health.ts';

/** Of one volume or pool; no node of ours reports more, because each reason comes at most once. */
const mostConditions = 32;
/** Characters of a message. */
const longestMessage = 512;

export function writeHealth(conditions: readonly Condition[]): HealthInit {
  return {
    conditions: conditions.map(({ reason, message }) => ({ reason, message: message.slice(0, longestMessage) })),
  };
}

/** Skips reasons that only a newer version knows. */
export function readHealth({ conditions }: Health): Condition[] {
  return conditions.slice(0, mostConditions).flatMap(({ reason, message }) => {
    return isReason(reason) ? [{ reason, message: message.slice(0, longestMessage) }] : [];
  });
}

/** The id of a volume or the name of a pool. Throws `invalid`. */
export function readHealthKey(text: string): string {
  if (parsePoolName(text) ?? parseVolumeId(text)) return text;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is neither a volume nor a pool`);
}
