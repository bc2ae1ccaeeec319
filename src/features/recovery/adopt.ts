import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Local } from '../../app/local.ts';
import type { Terminal } from '../../cli/command.ts';
import { tellDriver } from '../../cli/disks.ts';
import { readStorage, withLocal } from '../../cli/local.ts';
import type { Config } from '../../config/schema.ts';
import { Failure, messageOf } from '../../domain/errors.ts';
import { type LvName, parseVgName, type VgName, volumeIdFor } from '../../domain/ids.ts';
import { recordedVolume } from '../../kubernetes/objects.ts';
import { recordOf } from '../../kubernetes/persistent-volumes.ts';
import { adoptVolume, readForeignShape } from '../../lvm/adoption.ts';
import { devicePath } from '../../lvm/names.ts';
import { probe } from '../../mount/probe.ts';
import { type Adoption, type Candidate, type Former, planAdoption } from './adoption.ts';
import { persistentVolume, persistentVolumeClaim } from './objects.ts';
import { printAll } from './recover.ts';

interface Given {
  readonly config: string;
  /** `VG/LV` */
  readonly volume: string;
  readonly persistentVolume: string | undefined;
  readonly name: string | undefined;
  readonly apply: boolean;
}

/** Tags a logical volume as a volume, if asked, and prints its objects. Throws `precondition` with every reason against it. */
export async function adopt(given: Given, terminal: Terminal): Promise<string> {
  const { group, lv } = parsePlace(given.volume);
  const former = given.persistentVolume === undefined ? undefined : await readFormer(given.persistentVolume);
  return withLocal(given.config, async (local, config) => {
    const candidate = await inspect(local, config, group, lv);
    const plan = planAdoption(candidate, former, { node: config.node, name: given.name });
    if (!('volume' in plan)) throw new Failure('precondition', `${given.volume} is not adopted: ${plan.join('; ')}`);
    if (given.apply && !plan.done) {
      await adoptVolume(local, plan.volume, candidate.record.uuid);
      await tellDriver(config.endpoint.path, terminal);
    }
    sayOutcome(plan, given, terminal);
    const { volume, record } = plan;
    const claim = record.claim && persistentVolumeClaim(volume, record, record.claim);
    return printAll([persistentVolume(volume, record, config.driver), ...(claim ? [claim] : [])]);
  });
}

function sayOutcome({ done, volume }: Adoption, given: Given, { say }: Terminal): void {
  if (done) say(`${given.volume} is the volume ${volume.id} already.`);
  else if (given.apply) say(`${given.volume} is now the volume ${volume.id}.`);
  else say(`${given.volume} would become the volume ${volume.id}. Nothing was changed: give --apply.`);
}

function parsePlace(text: string): { group: VgName; lv: LvName } {
  const [, name = '', lv = ''] = /^([^/]+)\/([A-Za-z0-9_.+][A-Za-z0-9_.+-]*)$/.exec(text) ?? [];
  const group = parseVgName(name);
  if (group === undefined) throw new Failure('invalid', `"${text}" is no logical volume: give VG/LV`);
  return { group, lv: lv as LvName };
}

async function readFormer(path: string): Promise<Former> {
  try {
    const { metadata, spec } = recordedVolume.parse(parse(await readFile(path, 'utf8')));
    const of = spec.csi?.volumeHandle ?? spec.local?.path ?? 'neither a CSI nor a local volume';
    return { record: recordOf(metadata.name, spec), of };
  } catch (cause) {
    throw new Failure('invalid', `${path} has no PersistentVolume: ${messageOf(cause)}`, { cause });
  }
}

async function inspect(local: Local, { pools, node }: Config, group: VgName, lv: LvName): Promise<Candidate> {
  const { inventory } = await readStorage(local);
  const spec = pools.find((pool) => pool.group === group);
  if (!spec) throw new Failure('invalid', `no pool of the configuration has the volume group ${group}: add one`);
  const record = local.cache.report().volumes.find((one) => one.group === group && one.lv === lv);
  if (!record) throw new Failure('not-found', `LVM does not show ${group}/${lv}: lvs ${group}`);
  const shape = await readForeignShape(local.lvm, group, lv);
  const device = devicePath(group, lv);
  const content =
    record.active && !record.open ? await probe(local, device, record.size, volumeIdFor(node, lv)) : undefined;
  return { record, spec, inventory, thinPool: local.cache.thinPoolLv(spec), ...shape, content };
}
