import { MiB } from '../support/driver.ts';
import type { Access } from '../support/pods.ts';
import { type Shape, zeros } from './model.ts';
import type { Random } from './random.ts';
import { capacities } from './site.ts';
import { call, done, options, type Verb } from './verb.ts';

const largest = 768 * MiB;
/** A multiple of it fills the stripes of every layout, so that the size is exactly the one requested. */
export const unit = 8 * MiB;
export const limits = [0, 500, 1000, 20_000];
const smallest: Record<Access, number> = { block: 8 * MiB, ext4: 16 * MiB, xfs: 304 * MiB, btrfs: 256 * MiB };
const accesses: readonly Access[] = ['block', 'block', 'block', 'ext4', 'ext4', 'ext4', 'xfs', 'btrfs'];
export const types = ['thin', 'thin', 'thick', 'thick', 'mirrored'] as const;

/** A volume with integrity is written as a whole when it is first staged: larger ones would take long. */
const smallAccesses: ReadonlySet<Access> = new Set(['block', 'ext4']);

function randomShape(name: string, random: Random): Shape {
  const access = random.pick(accesses);
  const encrypted = random.chance(0.25);
  const integrity = encrypted && smallAccesses.has(access) && random.apart(`encryptionIntegrity ${name}`).chance(0.7);
  const content = { access, ...(encrypted ? { encrypted } : {}), ...(integrity ? { integrity } : {}) };
  return layoutFor(random.pick(types), content, random);
}

/** A copy of a volume is used as the volume is, and has its encryption. */
export function layoutFor(
  type: Shape['type'],
  { access, encrypted, integrity }: Pick<Shape, 'access' | 'encrypted' | 'integrity'>,
  random: Random,
): Shape {
  const erase = random.pick([
    ...([undefined, undefined, undefined] as const),
    ...(type === 'thick' ? (['zero', 'discard'] as const) : []),
    ...(encrypted ? (['cryptographic', 'cryptographic'] as const) : []),
  ]);
  const same = { access, ...(encrypted && { encrypted }), ...(integrity && { integrity }), ...(erase && { erase }) };
  if (type !== 'thick') return { type, stripes: 1, mirrors: 0, ...same };
  return { type, stripes: random.pick([1, 2]), mirrors: random.pick([0, 0, 1]), ...same };
}

/** The words of a creation, for the reader of a report. */
export function textOf(shape: Shape, bytes: number, iops: number): string {
  const { type, stripes, mirrors, access, encrypted, integrity, erase } = shape;
  const kind = integrity ? ['encrypted with integrity'] : encrypted ? ['encrypted'] : [];
  const more = [...kind, ...(erase ? [`erase=${erase}`] : [])];
  return [`${access} ${type}/${stripes}/${mirrors} ${bytes / MiB} MiB iops=${iops}`, ...more].join(' ');
}

export const create: Verb = {
  name: 'create',
  weight: 8,
  isCall: true,
  fits: ({ exists }) => !exists,
  plan(volume, facts, random) {
    const shape = facts.exists ? volume.shape : randomShape(volume.name, random);
    const size = facts.exists ? facts.size : smallest[shape.access] + unit * random.below(8);
    const iops = facts.exists ? facts.iops : random.pick(limits);
    // The same once more is the same volume, also if its source is gone; a larger one under its name is not.
    const larger = facts.exists && random.chance(0.3);
    const asked = larger ? size + unit : size;
    const isBlank = !facts.exists && shape.access === 'block' && !shape.encrypted;
    const made = isBlank ? { made: { regions: zeros } } : {};
    return {
      text: textOf(shape, asked, iops),
      outcomes: [larger ? 'ALREADY_EXISTS' : 'OK'],
      change: larger ? { facts: {} } : { facts: { exists: true, size, iops }, shape, ...made },
      run: call({ ...volume, shape }, (calls) => calls.create(asked, iops, volume.source)),
    };
  },
};

export const remove: Verb = {
  name: 'delete',
  weight: 2,
  isCall: true,
  fits: ({ exists, staged }) => exists && !staged,
  plan(volume, { staged }) {
    const refused = staged || volume.pins.length > 0;
    return {
      text: '',
      outcomes: [refused ? 'FAILED_PRECONDITION' : 'OK'],
      ...(staged ? {} : { says: volume.pins }),
      change: { facts: refused ? {} : { exists: false } },
      run: call(volume, (calls) => calls.delete()),
    };
  },
};

export const expand: Verb = {
  name: 'expand',
  weight: 2,
  isCall: true,
  fits: ({ exists, size }) => exists && size < largest,
  plan(volume, { exists, size, published }, random) {
    const asked = Math.min(size + unit * random.below(9), largest);
    const { access, stripes, mirrors } = volume.shape;
    const grow = published && access !== 'block';
    // Each of its parts grows on a disk that no other part is on: there may be room on other disks only.
    const room = stripes * (mirrors + 1) > 1 ? ['RESOURCE_EXHAUSTED'] : [];
    const reasons = volume.shape.integrity ? ['encryptionIntegrity'] : volume.pins;
    const refused = exists && asked > size && reasons.length > 0;
    return {
      text: `${asked / MiB} MiB`,
      outcomes: refused ? ['FAILED_PRECONDITION'] : exists ? ['OK', ...room] : ['NOT_FOUND'],
      ...(refused ? { says: reasons } : {}),
      change: { facts: exists && !refused ? { size: asked } : {} },
      run: call(volume, async (calls) => {
        await calls.expand(Math.max(asked, unit));
        if (grow) await calls.grow();
      }),
    };
  },
};

export const modify: Verb = {
  name: 'modify',
  weight: 2,
  isCall: true,
  fits: ({ exists }) => exists,
  plan(volume, { exists }, random) {
    const iops = random.pick(limits);
    return {
      text: `iops=${iops}`,
      outcomes: [exists ? 'OK' : 'NOT_FOUND'],
      change: { facts: exists ? { iops } : {} },
      run: call(volume, (calls) => calls.modify(iops)),
    };
  },
};

const list: Verb = {
  name: 'list',
  weight: 1,
  isCall: true,
  fits: () => true,
  plan: () => ({
    text: '',
    outcomes: ['OK'],
    change: { facts: {} },
    run: done(({ client }, signal) => client.controller.listVolumes({}, options(signal))),
  }),
};

const capacity: Verb = {
  name: 'capacity',
  weight: 1,
  fits: () => true,
  plan: () => ({ text: '', outcomes: ['OK'], change: { facts: {} }, run: done((site) => capacities(site)) }),
};

export const controllerVerbs: readonly Verb[] = [create, remove, expand, modify, list, capacity];
