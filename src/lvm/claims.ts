import type { PoolName, VgName } from '../domain/ids.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { LvRecord } from './records.ts';

/**
 * What the logical volumes in the groups of the pools say that they are, by id: `read` decides it from the tags. Several for one id: an
 * administrator has to decide which of them it is.
 */
export function claimsOf<Id, Claim extends { readonly id: Id }>(
  specs: readonly PoolSpec[],
  records: readonly LvRecord[],
  read: (record: LvRecord, pool: PoolName) => Claim | undefined,
): Map<Id, Claim[]> {
  const pools = new Map<VgName, PoolName>(specs.map(({ group, name }) => [group, name]));
  const claims = new Map<Id, Claim[]>();
  for (const record of records) {
    const pool = pools.get(record.group);
    const claim = pool === undefined ? undefined : read(record, pool);
    if (claim) claims.set(claim.id, [...(claims.get(claim.id) ?? []), claim]);
  }
  return claims;
}

/** The claims that are the only ones of their id. */
export function uncontested<Id, Claim>(claims: ReadonlyMap<Id, readonly Claim[]>): Map<Id, Claim> {
  const alone = new Map<Id, Claim>();
  for (const [id, [claim, another]] of claims) if (claim && !another) alone.set(id, claim);
  return alone;
}
