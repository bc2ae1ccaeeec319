/** What LVM, device-mapper and the driver show of the pools. */
export interface Seen {
  /** Lines of LVM's report, of ListVolumes and of GetCapacity, sorted. Two states are the same if these are. */
  readonly facts: readonly string[];
  /** Ids of the devices that the kernel's thin pools have, and of those that LVM knows. */
  readonly thinDevices: readonly number[];
  readonly thinVolumes: readonly number[];
  /** Of those that LVM still has to delete from a thin pool, which it does with its next change of the pool's volumes. */
  readonly thinDeletions: readonly number[];
  /** Of device-mapper. */
  readonly suspended: readonly string[];
  /** Checksums of the volumes with content, and of one that the operation makes, by name. */
  readonly contents: Readonly<Record<string, string>>;
}

/** The states without and with the operation, seen without a cut. */
export interface References {
  readonly before: Seen;
  readonly after: Seen;
  /** The facts of each state between the two that a cut may leave. */
  readonly between?: readonly (readonly string[])[] | undefined;
}

/** The problems of a state after the start that followed a cut: empty if the operation happened, or did not where it was not answered. */
export function problemsOfRecovery(references: References, seen: Seen, mustHaveHappened: boolean): string[] {
  const { before, after, between = [] } = references;
  const parts = between.map((facts) => difference('a part of the operation', facts, seen.facts));
  const wrong = mustHaveHappened
    ? difference('the state after the operation', after.facts, seen.facts)
    : nearest([
        difference('the state before the operation', before.facts, seen.facts),
        difference('the state after the operation', after.facts, seen.facts),
        ...parts,
      ]);
  return [...wrong, ...problemsOfAny(references, seen)];
}

/** The problems of a state after the repeated call, which must be the one with the operation. */
export function problemsOfRepeat(references: References, seen: Seen): string[] {
  const wrong = difference('the state after the operation', references.after.facts, seen.facts);
  return [...wrong, ...problemsOfAny(references, seen)];
}

/**
 * LVM makes the spare of a thin pool's metadata in two commits: a cut between them leaves it as a volume `lvol<n>` without tags. Nothing
 * says that it is the driver's, so the driver leaves it, and the pool has another spare.
 */
export function hasForgottenSpare({ facts }: Seen): boolean {
  return facts.some((fact) => /^\S+ lvol\d+ \d+ -\S+ $/.test(fact));
}

/** The problems after further changes: one volume, by its id, is removed, and another one made. */
export function problemsOfNext(references: References, seen: Seen, changes: NextChanges): string[] {
  const isListed = (id: string): boolean => seen.facts.some((fact) => fact.startsWith(`listed ${id} `));
  return [
    ...(isListed(changes.removed) ? [`${changes.removed} is still there after its deletion`] : []),
    ...(isListed(changes.made) ? [] : [`${changes.made} is not there after its creation`]),
    ...problemsOfDevices(references, seen),
  ];
}

/** Ids of volumes. */
export interface NextChanges {
  readonly removed: string;
  readonly made: string;
}

function problemsOfDevices({ before }: References, seen: Seen): string[] {
  const foreign = before.thinDevices.filter((id) => ![...before.thinVolumes, ...before.thinDeletions].includes(id));
  const known = new Set([...seen.thinVolumes, ...seen.thinDeletions, ...foreign]);
  const leaked = seen.thinDevices.filter((id) => !known.has(id));
  const missing = seen.thinVolumes.filter((id) => !seen.thinDevices.includes(id));
  return [
    ...leaked.map((id) => `the thin pool has the device ${id}, which belongs to no volume`),
    ...missing.map((id) => `the thin pool lacks the device ${id} of a volume`),
    ...seen.suspended.map((name) => `the device ${name} is suspended`),
  ];
}

function problemsOfAny(references: References, seen: Seen): string[] {
  const { before, after } = references;
  return [
    ...problemsOfDevices(references, seen),
    ...Object.entries({ ...before.contents, ...after.contents }).flatMap(([name, checksum]) => {
      const absent = seen.contents[name] === undefined && before.contents[name] === undefined;
      return absent || seen.contents[name] === checksum ? [] : [`the content of ${name} is wrong`];
    }),
  ];
}

function difference(what: string, expected: readonly string[], seen: readonly string[]): string[] {
  const lines = [
    ...expected.filter((line) => !seen.includes(line)).map((line) => `missing: ${line}`),
    ...seen.filter((line) => !expected.includes(line)).map((line) => `unexpected: ${line}`),
  ];
  return lines.map((line) => `compared with ${what}, ${line}`);
}

/** The shortest list: the state that it came closest to. */
function nearest(lists: readonly string[][]): string[] {
  return lists.toSorted((one, other) => one.length - other.length)[0] ?? [];
}
