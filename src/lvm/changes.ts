/**
 * The entries of a map that were changed since a report began. The report may show the state before or after such a change, so the entry keeps
 * the changed state.
 */
export class Changes<Key, Value> {
  readonly #changedAt = new Map<Key, number>();

  /** @param generation the number of changes so far, with this one */
  note(key: Key, generation: number): void {
    this.#changedAt.set(key, generation);
  }

  /**
   * The entries of a report that began when there were `before` changes, with the later changes from `known`. Forgets the earlier ones.
   * `onlyShown`: an entry that the report does not have stays absent.
   */
  merge(
    fresh: ReadonlyMap<Key, Value>,
    known: ReadonlyMap<Key, Value> | undefined,
    before: number,
    { onlyShown = false } = {},
  ): Map<Key, Value> {
    const merged = new Map(fresh);
    for (const [key, at] of this.#changedAt) {
      if (at <= before) this.#changedAt.delete(key);
      else if (!onlyShown || fresh.has(key)) copyEntry(known, merged, key);
    }
    return merged;
  }
}

function copyEntry<Key, Value>(from: ReadonlyMap<Key, Value> | undefined, to: Map<Key, Value>, key: Key): void {
  const value = from?.get(key);
  if (value === undefined) to.delete(key);
  else to.set(key, value);
}
