import type { Random } from '../storm/random.ts';
import type { Clock } from './clock.ts';
import { controllers, type Fleet, nodes } from './fleet.ts';
import type { Schedule } from './schedule.ts';

export interface TroubleContext {
  readonly fleet: Fleet;
  readonly schedule: Schedule;
  readonly clock: Clock;
  readonly random: Random;
  /** Nodes whose group may vanish. */
  readonly vanishing: readonly string[];
  /** Nodes of which a disk may be pulled. */
  readonly pulled: readonly string[];
}

/** Something that happens to the fleet. What ends it is an event of the schedule. Returns where it happened. */
type Trouble = (context: TroubleContext) => string;

/** Longer than a call may take. */
const long = 6000;

/** By name; each does nothing where it cannot happen now. */
export const troubles: Readonly<Record<string, Trouble>> = {
  'stream cut'({ fleet, random }) {
    const [node, controller] = [random.pick(nodes), random.pick(controllers)];
    fleet.cut(node, controller);
    return `${node}, controller ${controller}`;
  },
  'network blocked'({ fleet, random, schedule }) {
    const [node, controller] = [random.pick(nodes), random.pick(controllers)];
    fleet.block(node, controller);
    schedule.late(`heal ${node} ${controller}`, () => fleet.heal(node, controller));
    return `${node}, controller ${controller}`;
  },
  'node killed': (context) => killNode(context, false),
  'node rebooted': (context) => killNode(context, true),
  'controller killed'({ fleet, random, schedule }) {
    const controller = random.pick(controllers);
    if (!fleet.replica(controller)) return 'none';
    fleet.killController(controller);
    schedule.late(`start controller ${controller}`, () => fleet.startController(controller));
    return `controller ${controller}`;
  },
  'group vanished'({ fleet, random, schedule, vanishing }) {
    if (vanishing.length === 0) return 'none';
    const node = random.pick(vanishing);
    const machine = fleet.machine(node);
    if (!machine.lvm.present) return 'none';
    machine.lvm.present = false;
    schedule.add(`rescan ${node}`, () => machine.rescan());
    schedule.late(`return ${node}`, () => {
      machine.lvm.present = true;
      schedule.add(`rescan ${node}`, () => machine.rescan());
    });
    return node;
  },
  'time passed'({ fleet, clock }) {
    clock.pass(long);
    for (const controller of controllers) fleet.replica(controller)?.sweep();
    return `${long} ms`;
  },
  tidied({ fleet, random }) {
    const controller = random.pick(controllers);
    const { provisioner } = fleet.replica(controller) ?? {};
    void provisioner?.tidy(new AbortController().signal);
    return `controller ${controller}`;
  },
  'speeds changed'({ schedule }) {
    schedule.shuffle();
    return 'all';
  },
};

/** Troubles of nodes that have two disks. */
export const diskTroubles: Readonly<Record<string, Trouble>> = {
  'disk pulled'({ fleet, random, schedule, pulled }) {
    const node = random.pick(pulled);
    const { disks } = fleet.machine(node);
    if (!disks?.mayPull) return 'none';
    const rescan = (): void => schedule.add(`rescan ${node}`, () => fleet.machine(node).rescan());
    disks.pull();
    rescan();
    if (fleet.machine(node).options.disks === 3) return `${node}, for good`;
    schedule.late(`put back ${node}`, () => {
      disks.putBack();
      rescan();
    });
    return node;
  },
};

function killNode({ fleet, random, schedule }: TroubleContext, reboot: boolean): string {
  const node = random.pick(nodes);
  const machine = fleet.machine(node);
  if (!machine.runs) return 'none';
  fleet.killNode(node, { reboot });
  schedule.late(`start ${node}`, () => machine.start());
  return node;
}
