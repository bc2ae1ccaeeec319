import type { GaugeConfiguration } from 'prom-client';

interface MirrorSample {
  readonly pool: string;
  /** Absent: the thin pool. */
  readonly volume: string | undefined;
  readonly state: string;
  readonly done: number;
}

export interface MirrorSource {
  list(): readonly MirrorSample[];
}

const states = ['waiting', 'repairing', 'failed'] as const;

export function mirrorGauges(source: MirrorSource, reported: () => boolean): GaugeConfiguration<string>[] {
  const samples = () => (reported() ? source.list() : []);
  return [
    {
      name: 'quarry_mirror_unclean',
      help: '1 for each mirrored volume, or thin pool (no volume), whose copies may differ since an unclean stop',
      labelNames: ['pool', 'volume', 'state'],
      collect() {
        this.reset();
        for (const { pool, volume = '', state } of samples()) {
          for (const known of states) this.set({ pool, volume, state: known }, known === state ? 1 : 0);
        }
      },
    },
    {
      name: 'quarry_mirror_repair_ratio',
      help: 'Part of the volume, or of the part of the thin pool at hand, whose copies were compared, 0 to 1',
      labelNames: ['pool', 'volume'],
      collect() {
        this.reset();
        for (const { pool, volume = '', done } of samples()) this.set({ pool, volume }, done);
      },
    },
  ];
}
