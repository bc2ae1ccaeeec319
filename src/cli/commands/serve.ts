import type { RegistrationMode } from '../../config/cluster.ts';
import { choice, command, type Command } from '../command.ts';

const modes = ['self', 'external'] as const satisfies readonly RegistrationMode[];
const registration = choice('how the driver is registered with kubelet; overrides the configuration', 'MODE', modes);

const signals =
  'SIGTERM or SIGINT ends it, after calls in flight had 20 seconds; SIGHUP rescans the disks of this machine now.';

/** The roles, one command each: it serves until a signal ends it. */
export const serveCommands: readonly Command[] = [
  command({
    name: 'all',
    summary: 'Serve Identity, Controller and Node on one socket',
    details: `For one machine with disks, without a cluster. ${signals}`,
    where: 'here',
    options: { registration },
    examples: [{ line: 'quarry all --config /etc/quarry/config.yaml', does: 'serves the pools of this file' }],
    run: async (given) => (await import('../serve.ts')).serve({ role: 'all', ...given }),
  }),
  command({
    name: 'node',
    summary: 'Serve Identity and Node on a machine with disks, connected to each controller',
    details: signals,
    where: 'here',
    options: { registration },
    examples: [{ line: 'quarry node --registration external', does: 'leaves registration to node-driver-registrar' }],
    run: async (given) => (await import('../serve.ts')).serve({ role: 'node', ...given }),
  }),
  command({
    name: 'controller',
    summary: 'Serve Identity and Controller for the nodes that connect; needs no disks',
    details: signals,
    where: 'here',
    examples: [{ line: 'quarry controller', does: 'serves with /etc/quarry/config.yaml' }],
    run: async (given) => (await import('../serve.ts')).serve({ role: 'controller', ...given }),
  }),
];
