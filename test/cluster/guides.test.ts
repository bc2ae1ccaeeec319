import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { type Administrator, administratorOf } from '../support/administrator.ts';
import { driverOn, useCluster } from '../support/cluster.ts';
import { guideCommands } from '../support/guide-commands.ts';
import { guides, otherRuns, quarryKey, quarryRuns } from '../support/guide-runs.ts';
import { guidePages } from '../support/guides.ts';
import { claim, storageClass } from '../support/manifests.ts';

const here = guidePages()
  .flatMap(guideCommands)
  .filter((command) => (quarryRuns[quarryKey(command) ?? ''] ?? otherRuns[command.line]) === guides)
  .map(({ line }) => line)
  .filter((line) => line.startsWith('kubectl') || line.startsWith('helm'));
const lines = [...new Set(here)];

describe('the commands of the guides', () => {
  const site = useCluster('guides');

  /** With the names of this cluster in place of those of the guides. */
  async function withNames(): Promise<(line: string) => string> {
    const pod = await driverOn(site().cluster, 'n1');
    const volume = await site().volumeOf('mine');
    return (line) =>
      line
        .replace(/describe pod NAME/, `describe pod ${pod} -n ${NAMESPACE}`)
        .replace(/pvc (?:NAME|CLAIM)/, '$& -n guides')
        .replace(/(?<=pvc )(?:NAME|CLAIM)/, 'mine')
        .replace(/(?<=pv )NAME/, volume)
        .replace(/POD-OF-THE-NODE/, pod)
        .replace(/\bNODE\b(?!:)/, 'n1')
        .replace('node-1', 'n1')
        .replace('--namespace storage', `--namespace ${NAMESPACE}`);
  }

  async function runAll(administrator: Administrator, which: readonly string[]): Promise<string[]> {
    const name = await withNames();
    const failed: string[] = [];
    for (const line of which) {
      await administrator(name(line)).catch((error: Error) => failed.push(error.message));
    }
    return failed;
  }

  test('succeed as they stand where they only read', async () => {
    const { kubectl, cluster } = site();
    await kubectl.apply(
      storageClass('at-once', { pool: 'fast', type: 'thin' }, { volumeBindingMode: 'Immediate' }),
      claim('mine', { className: 'at-once', size: '16Mi' }),
    );
    await kubectl.wait('jsonpath={.status.phase}=Bound', ['pvc/mine']);
    expect(lines.length).toBeGreaterThan(20);
    expect(await runAll(await administratorOf(cluster), lines)).toEqual([]);
  });
});
