import { beforeAll, expect, test } from 'vitest';
import { databaseNames, ledgerDisks, type Ledgers, openLedgers } from '../ledger/ledger.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ledgerDisks });
let ledgers: Ledgers;
beforeAll(async () => {
  ledgers = await openLedgers(guest());
});

test.each(databaseNames)('%s: a snapshot of a database that writes has all that was acknowledged', async (name) => {
  const { transactions, problems } = await ledgers.round(name);
  expect(problems).toEqual([]);
  expect(transactions).toBeGreaterThan(0);
});

test('the pause of the group snapshot is counted', async () => {
  const pauses = ledgers.pauses();
  expect(pauses.length).toBeGreaterThan(0);
  expect(await ledgers.countedPauses()).toBe(pauses.length);
});
