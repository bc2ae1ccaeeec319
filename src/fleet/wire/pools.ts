import { Failure } from '../../domain/errors.ts';
import type { Pool, PoolSpec } from '../../domain/pool.ts';
import type { Pool as PoolMessage, PoolInit } from '../../gen/quarry/fleet/v1/Pool.ts';
import { readBudget, writeBudget } from './qos.ts';
import { readPoolName, readVgName } from './volumes.ts';

/** How a pool gets and prepares its disks stays on the node: nobody else needs it. */
export function writePool({ spec, extentSize, size, free, deviceFree, metadata, thin }: Pool): PoolInit {
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
  };
}

/** Characters of what is wrong with a thin pool. */
const longestProblem = 1024;
const mostDevices = 4096;

/** Throws `invalid` also for figures that no pool has, and that capacity could not be reckoned with. */
export function readPool(message: PoolMessage): Pool {
  const { thinPool } = message;
  const figures = [message.thinSpec?.overprovision, thinPool?.dataPercent, thinPool?.metadataPercent];
  const reckonable = figures.every((figure) => figure === undefined || (Number.isFinite(figure) && figure >= 0));
  if (message.deviceFree.length > mostDevices) {
    throw new Failure('invalid', `pool "${message.name.slice(0, 64)}" has more disks than a node can have`);
  }
  if (message.stripes < 1 || message.extentSize === '0' || !reckonable) {
    throw new Failure('invalid', `the figures of pool "${message.name.slice(0, 64)}" are impossible`);
  }
  return {
    spec: readPoolSpec(message),
    extentSize: BigInt(message.extentSize),
    size: BigInt(message.size),
    free: BigInt(message.free),
    deviceFree: message.deviceFree.map(BigInt),
    metadata: { size: BigInt(message.metadataSize), free: BigInt(message.metadataFree) },
    ...(thinPool && {
      thin: {
        size: BigInt(thinPool.size),
        promised: BigInt(thinPool.promised),
        dataPercent: thinPool.dataPercent,
        metadataPercent: thinPool.metadataPercent,
        ...(thinPool.problem !== '' && { problem: thinPool.problem.slice(0, longestProblem) }),
      },
    }),
  };
}

function readPoolSpec(message: PoolMessage): PoolSpec {
  const { thinSpec, budget } = message;
  return {
    name: readPoolName(message.name),
    group: readVgName(message.group),
    type: thinSpec ? 'thin' : 'thick',
    approve: 'manual',
    stripes: message.stripes,
    stripeSize: BigInt(message.stripeSize),
    mirrors: message.mirrors,
    reserve: BigInt(message.reserve),
    ...(thinSpec && { thin: thinSpec }),
    ...(budget && { budget: readBudget(budget) }),
  };
}
