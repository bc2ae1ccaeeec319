/** A fingerprint of the bytes of each area that the log writes. */
export type Fingerprints = ReadonlyMap<number, string>;

/** What is expected of a cut beside its bytes. */
export interface Terms {
  /** The state after the operation must be there. */
  readonly acknowledged: boolean;
  /** A person may decide on disks that are waiting. */
  readonly decided: boolean;
}

interface PlayedCut extends Terms {
  /** Of the areas that were read before they were written. */
  readonly read: Fingerprints;
}

/** One in so many of the cuts that need not be played is played all the same. */
const controlEvery = 50;

/**
 * The cuts that held. All that a driver can find out about the disks of a cut is what it reads. If the areas that it read after an earlier cut
 * have the same bytes in another one, it reads the same there, and does the same: the other cut need not be played.
 */
export class PlayedCuts {
  readonly #played: PlayedCut[] = [];
  #asked = 0;

  add(terms: Terms, fingerprints: Fingerprints, read: Iterable<number>): void {
    const known = [...read].flatMap((area) => {
      const fingerprint = fingerprints.get(area);
      return fingerprint === undefined ? [] : [[area, fingerprint] as const];
    });
    this.#played.push({ ...terms, read: new Map(known) });
  }

  /** Whether a driver cannot tell this cut from one that held under the same terms, or stricter ones. */
  has({ acknowledged, decided }: Terms, fingerprints: Fingerprints): boolean {
    return this.#played.some(
      (played) =>
        (played.acknowledged || !acknowledged) &&
        played.decided === decided &&
        [...played.read].every(([area, fingerprint]) => fingerprints.get(area) === fingerprint),
    );
  }

  /** To be asked for each cut that need not be played: whether it is one of those that are played all the same. */
  controlIsDue(): boolean {
    this.#asked += 1;
    return this.#asked % controlEvery === 0;
  }
}
