import { Failure } from '../../domain/errors.ts';
import type { Pool, PoolSpec } from '../../domain/pool.ts';
import type { Pool as PoolMessage, PoolInit } from '../../gen/quarry/node/v1/Pool.ts';
import { readFigure, readNumber } from './bounds.ts';
import { readBudget, writeBudget } from './qos.ts';
import { readPoolName, readVgName } from './names.ts';

/** The rules by which a pool takes its disks stay on the node: a controller does not need them. */
export function writePool({ spec, extentSize, size, free, deviceFree, metadata, thin, ...pool }: Pool): PoolInit {
  return {
    name: spec.name,
    group: spec.group,
    stripes: spec.stripes,
    stripeSize: String(spec.stripeSize),
    mirrors: spec.mirrors,
    reserve: String(spec.reserve),
    ...(spec.thin && {
      thinSpec: {
        share: spec.thin.share,
        overprovision: spec.thin.overprovision,
        refuseAt: spec.thin.refuseAt,
      },
    }),
    ...(spec.budget && { budget: writeBudget(spec.budget) }),
    extentSize: String(extentSize),
    size: String(size),
    free: String(free),
    deviceFree: deviceFree.map(String),
    metadataSize: String(metadata.size),
    metadataFree: String(metadata.free),
    ...(thin && {
      thinPool: {
        size: String(thin.size),
        promised: String(thin.promised),
        dataPercent: thin.dataPercent,
        metadataPercent: thin.metadataPercent,
        problem: thin.problem ?? '',
      },
    }),
    encryptionProblem: pool.encryptionProblem ?? '',
    integrityProblem: pool.integrityProblem ?? '',
  };
}

/** Characters of what is wrong with a pool. */
const longestProblem = 1024;
const mostDevices = 4096;

/** As the configuration allows them. */
const [stripes, mirrors, overprovision] = [
  [1, 128],
  [0, 9],
  [0, 1000],
] as const;
/** Of a thin pool; LVM never reports more than 100. */
const used = [0, 1000] as const;

/** Throws `invalid` also for figures that no pool has, and that capacity could not be reckoned with. */
export function readPool(message: PoolMessage): Pool {
  const { thinPool, encryptionProblem, integrityProblem } = message;
  const of = `pool "${message.name.slice(0, 64)}"`;
  if (message.deviceFree.length > mostDevices) {
    throw new Failure('invalid', `${of} has more disks than a node can have`);
  }
  const figure = (text: string, what: string): bigint => readFigure(text, `${what} of ${of}`);
  const extentSize = figure(message.extentSize, 'the extent size');
  if (extentSize === 0n) throw new Failure('invalid', `the extent size of ${of} is 0`);
  return {
    spec: readPoolSpec(message, of),
    extentSize,
    size: figure(message.size, 'the size'),
    free: figure(message.free, 'the free space'),
    deviceFree: message.deviceFree.map((free) => figure(free, 'the free space of a disk')),
    metadata: {
      size: figure(message.metadataSize, 'the metadata area'),
      free: figure(message.metadataFree, 'the free metadata area'),
    },
    ...(thinPool && {
      thin: {
        size: figure(thinPool.size, 'the thin pool'),
        promised: figure(thinPool.promised, 'the promised space'),
        dataPercent: readNumber(thinPool.dataPercent, `the data percentage of ${of}`, used),
        metadataPercent: readNumber(thinPool.metadataPercent, `the metadata percentage of ${of}`, used),
        ...(thinPool.problem !== '' && { problem: thinPool.problem.slice(0, longestProblem) }),
      },
    }),
    ...(encryptionProblem !== '' && { encryptionProblem: encryptionProblem.slice(0, longestProblem) }),
    ...(integrityProblem !== '' && { integrityProblem: integrityProblem.slice(0, longestProblem) }),
  };
}

function readPoolSpec(message: PoolMessage, of: string): PoolSpec {
  const { thinSpec, budget } = message;
  return {
    name: readPoolName(message.name),
    group: readVgName(message.group),
    type: thinSpec ? 'thin' : 'thick',
    approve: 'manual',
    stripes: readNumber(message.stripes, `the number of stripes of ${of}`, stripes),
    stripeSize: readFigure(message.stripeSize, `the stripe size of ${of}`),
    mirrors: readNumber(message.mirrors, `the number of mirrors of ${of}`, mirrors),
    reserve: readFigure(message.reserve, `the reserve of ${of}`),
    ...(thinSpec && {
      thin: {
        share: readNumber(thinSpec.share, `the share of ${of}`, used),
        overprovision: readNumber(thinSpec.overprovision, `the over-provisioning of ${of}`, overprovision),
        refuseAt: readNumber(thinSpec.refuseAt, `refuseAt of ${of}`, used),
      },
    }),
    ...(budget && { budget: readBudget(budget) }),
  };
}
