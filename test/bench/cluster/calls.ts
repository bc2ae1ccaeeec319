import { NAMESPACE } from '../../../lab/kubernetes/install.ts';
import type { Kubectl } from '../../../lab/kubernetes/kubectl.ts';

/** A step of the driver that took time for a volume, and did not fail: a CSI call, a controller's call of a node, a program. */
export interface Work {
  /** From the log: the method, the name of the program or of the LVM command. */
  readonly what: string;
  /** Name of the PersistentVolume. */
  readonly volume: string;
  readonly milliseconds: number;
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
}

interface Line {
  readonly time: string;
  readonly msg: string;
  readonly volume?: string;
  readonly method?: string;
  readonly error?: string;
  readonly argv?: readonly string[];
  readonly duration_ms?: number;
}

const VOLUME = /pvc-[0-9a-f-]{36}/;

/** The steps for volumes in the logs of all roles, at level debug. */
export async function readWork(kubectl: Kubectl): Promise<Work[]> {
  const inQuarry = kubectl.within(NAMESPACE);
  const words = ['--selector=app.kubernetes.io/name=quarry', '--container=quarry', '--tail=-1'];
  const text = await inQuarry.run(['logs', ...words]);
  return text.split('\n').flatMap((line) => (line.startsWith('{') ? workOf(JSON.parse(line) as Line) : []));
}

function workOf({ time, msg, volume, method, argv, error, duration_ms: milliseconds }: Line): Work[] {
  if (milliseconds === undefined || error !== undefined) return [];
  // Device-mapper doubles each dash of a name.
  const found = VOLUME.exec(volume ?? argv?.join(' ').replaceAll('--', '-') ?? '')?.[0];
  const what = method ?? programOf(argv ?? [msg]);
  return found === undefined ? [] : [{ what, volume: found, milliseconds, at: Date.parse(time) }];
}

/** The program, without the prefix that enters the host's namespaces. */
function programOf(argv: readonly string[]): string {
  const own = argv[0] === 'nsenter' ? argv.slice(argv.indexOf('--') + 1) : argv;
  return (own[0] ?? '').split('/').at(-1) ?? '';
}
