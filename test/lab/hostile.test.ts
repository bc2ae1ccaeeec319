import { expect, test } from 'vitest';
import type { Guest } from '../../lab/guest.ts';
import { Caller } from '../fuzz/caller.ts';
import { problemOf } from '../fuzz/judge.ts';
import { type Effect, effectsOf, Model } from '../fuzz/model.ts';
import { allMethods, fieldsOf, plan, type Planned } from '../fuzz/requests.ts';
import { stagings, targets, victim } from '../fuzz/subjects.ts';
import { createRandom } from '../storm/random.ts';
import { startDriver, untilDone } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';
import { expectNone, seedsOf } from '../support/long-run.ts';

const guest = useGuest({ disks: ['8G'] });
const pools = `
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, overprovision: 10 }`;

const [rounds, together] = [40, 25];

/**
 * Everything that a volume or a call may leave: logical volumes, devices, and files outside of the folders that may change. LVM keeps the
 * device `-tpool` of a thin pool that was used, and its shell keeps a history.
 */
const traces = `
lvs -a --noheadings -o lv_name,lv_tags quarry-fast | grep -v pmspare | sort
dmsetup info --columns --noheadings -o name | grep -v tpool | sort
find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /kubelet -o -path /quarry -o -path /etc/lvm \\
  -o -path /var/lib/lvm -o -name .lvm_history \\) -prune -o -newer /started -not -type d -print | sort`;

/** A mount of btrfs shows a device number that is its own. */
async function present(at: Guest): Promise<Set<string>> {
  const text = await at.shell(`
    lvs --noheadings -S 'lv_tags = "quarry.role=volume"' -o lv_name quarry-fast | sed -E 's/^ *([^ ]*) *$/volume ${victim}:\\1/'
    awk -v major="$(sed -n 's/ device-mapper$//p' /proc/devices):" \\
      'index($3, major) == 1 || $4 ~ /^\\/(mapper\\/|dm-)/ || / - btrfs / { print "mount " $5 }' /proc/self/mountinfo`);
  return new Set(text.split('\n').filter(Boolean));
}

test.for(seedsOf('hostile'))(
  'hostile calls to a driver with real LVM leave what the calls that succeeded asked for, and nothing else: seed %d',
  { timeout: 300_000 },
  async (seed) => {
    await using driver = await startDriver(guest(), { node: victim, pools });
    const paths = [...stagings, ...targets.map((target) => target.replace(/\/mount$/, ''))];
    await guest().shell(`mkdir -p ${paths.join(' ')}; touch /started`);
    const before = await guest().shell(traces);
    const csi = new Caller(await guest().forward(driver.socket), 60_000);
    // Those of kubelet have a socket of their own, some of the command line's are the controller's, and snapshots are not compared here.
    const others =
      /^\/pluginregistration|Orphans?$|Admin\/List(?:Nodes|Volumes|Snapshots|Claims|ReportedJobs)$|\/Create\w*Snapshot$/;
    const methods = allMethods().filter(({ path }) => !others.test(path));
    const isCopy = ({ fields }: Planned): boolean => Boolean(fields?.['volumeContentSource']);
    const model = new Model();
    const problems: string[] = [];
    const judge = async (planned: Planned): Promise<Effect[]> => {
      const { method, fields: request, broken } = planned;
      const answer = await csi.send({ path: method.path, ...planned });
      // Programs and the kernel refuse more than storage in memory does.
      const problem = answer.code === 'UNAVAILABLE' ? undefined : problemOf(planned, answer);
      if (problem !== undefined) problems.push(problem);
      const code = broken ? 'none' : answer.code;
      const reply = code === 'OK' ? fieldsOf(method.response, answer.bytes.subarray(5)) : undefined;
      return effectsOf({ path: method.path, request, code, reply });
    };
    for (let round = 0; round < rounds && problems.length === 0; round += 1) {
      const random = createRandom(seed, round);
      const planned = Array.from({ length: together }, () => plan(methods, random)).filter((one) => !isCopy(one));
      const effects = await Promise.all(planned.map(judge));
      model.apply(effects.flat());
    }
    csi.close();
    const left = await present(guest());
    expectNone([...problems, ...model.compare(left)]);
    for (const thing of left) {
      if (!thing.startsWith('mount ')) continue;
      const request = { volumeId: `${victim}:pvc-0`, targetPath: thing.slice('mount '.length) };
      await untilDone(() => driver.client.node.nodeUnpublishVolume(request));
    }
    for (const thing of left) {
      const volumeId = thing.slice('volume '.length);
      if (thing.startsWith('volume ')) await untilDone(() => driver.client.controller.deleteVolume({ volumeId }));
    }
    expect(await guest().shell(traces)).toBe(before);
    expect(driver.log()).not.toContain('failed unexpectedly');
  },
);
