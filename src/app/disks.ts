import { join } from 'node:path';
import { type Failure, isFailure } from '../domain/errors.ts';
import { listAll } from '../lvm/arguments.ts';
import type { InventoryCache } from '../lvm/cache.ts';
import { type CommandOptions, runCommand } from '../lvm/process/commands.ts';
import { devicesSection, linkDevices } from '../lvm/process/system.ts';
import { StuckGroups } from '../lvm/stuck-groups.ts';
import { VisibleDevices, type VisibleDevicesOptions } from '../lvm/visible-devices.ts';
import { type CandidateFinder, type CandidateFinderOptions, createCandidateFinder } from './candidates.ts';

/** Milliseconds that LVM has to answer about one group. */
const patience = 15_000;

export interface DisksOptions
  extends
    Pick<VisibleDevicesOptions, 'write' | 'changed'>,
    Pick<CandidateFinderOptions, 'config' | 'command' | 'probe' | 'records' | 'log'> {
  readonly cache: () => InventoryCache;
  /** Called after LVM answers about a group again. */
  readonly answers: () => void;
}

export interface Disks extends Pick<CandidateFinder, 'find' | 'search' | 'recheck'> {
  readonly visible: VisibleDevices;
  readonly stuck: StuckGroups;
}

/** The disks of the pools: those that the rules match, those that LVM sees, and the groups that it gives no answer about. */
export function createDisks({ cache, write, changed, answers, ...options }: DisksOptions): Disks {
  const { config, command, log } = options;
  const finder = createCandidateFinder({
    ...options,
    identified: (states) => cache().identify(states),
    stuck: () => stuck.devices(),
  });
  const visible = new VisibleDevices({
    members: () => finder.members().map(({ device }) => device),
    hidden: () => stuck.devices(),
    write,
    changed,
  });
  const within = { ...command, deadline: Math.min(command.deadline, patience) };
  const stuck: StuckGroups = new StuckGroups({
    members: finder.members,
    // With a program of its own, which sees no other disk.
    ask: (devices, label) => ask(within, join(config.lvm.directory, `asked-${label}`), devices),
    setApart: (group, reason) => cache().setApart(group, reason),
    rejoin: (group) => cache().groups.rejoin(group),
    show: () => visible.show(),
    answers,
    log,
  });
  return { find: finder.find, search: finder.search, recheck: finder.recheck, visible, stuck };
}

/** Why LVM gives no report on these devices. A report that fails is an answer. */
async function ask(options: CommandOptions, links: string, devices: readonly string[]): Promise<Failure | undefined> {
  await linkDevices(links, devices);
  try {
    await runCommand(options, [...listAll, '--config', devicesSection(links)]);
    return undefined;
  } catch (error) {
    if (isFailure(error, 'unavailable')) return error;
    throw error;
  }
}
