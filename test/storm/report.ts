import type { Guest } from '../../lab/guest.ts';
import { group, mirrorGroup } from './disks.ts';

import type { Finding, Storm, Tally } from './run.ts';
import type { Sequence } from './shrink.ts';
import type { Roles } from './site.ts';

const evidence = {
  "the groups' metadata": `for group in ${group} ${mirrorGroup}; do
    vgcfgbackup -qq -f /tmp/storm-metadata $group; cat /tmp/storm-metadata; done`,
  'dmsetup table': 'dmsetup table',
  'dmsetup status': 'dmsetup status --noflush',
  'dmsetup info': 'dmsetup info --columns',
  mounts: "grep -E '/var/lib/kubelet|/dev/mapper' /proc/self/mountinfo",
  processes: 'ps -e -o pid,ppid,stat,wchan:20,args',
};

interface Replayed {
  readonly seed: number;
  readonly roles?: Roles;
}

/** The command that plays rounds of a seed, without some actions. */
export function replayCommand({ seed, roles }: Replayed, { from, to, skip }: Sequence): string {
  const words = [
    ...(roles === 'apart' ? ['--roles apart'] : []),
    `--seed ${seed} --rounds ${from}-${to}`,
    ...(skip.length > 0 ? [`--skip ${skip.join(',')}`] : []),
  ];
  return `npm run storm -- ${words.join(' ')}`;
}

/** The text of a failure: the rounds, the state of the node, the findings, and the command that replays it. */
export async function describe(
  storm: Storm,
  { round, problems }: Finding,
  lines: readonly string[],
  options: Replayed & { readonly from: number; readonly skip?: readonly string[] },
): Promise<string> {
  const { guest, driver, apart } = storm.site;
  const { seed, from, skip = [] } = options;
  const parts = await Promise.all(Object.entries(evidence).map(([title, script]) => evidenceOf(guest, title, script)));
  return [
    `── seed ${seed}, rounds ${from} to ${round}`,
    ...lines,
    ...parts.flat(),
    '── the log of the driver, its end',
    ...driver.log().split('\n').slice(-150),
    ...(apart ? ['── the log of the controller, its end', ...apart.controller.log().split('\n').slice(-80)] : []),
    `── found in round ${round}`,
    ...problems,
    '── to play it again',
    replayCommand(options, { from, to: round, skip }),
  ].join('\n');
}

async function evidenceOf(guest: Guest, title: string, script: string): Promise<string[]> {
  try {
    const { stdout, stderr } = await guest.exec(['sh', '-c', script], { timeout: 10_000 });
    return [`── ${title}`, stdout + stderr];
  } catch (error) {
    return [`── ${title}`, String(error)];
  }
}

/** What was done, and how often. */
export function countsOf({ rounds, calls, strikes }: Tally): Record<string, number> {
  return { rounds, calls, ...Object.fromEntries(strikes) };
}
