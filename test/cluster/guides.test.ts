import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { REPOSITORY } from '../../lab/paths.ts';
import { type Administrator, administratorOf } from '../support/administrator.ts';
import { driverOn, useCluster } from '../support/cluster.ts';
import { guideCommands } from '../support/guide-commands.ts';
import { changing, guides, type Named, otherRuns, quarryKey, quarryRuns } from '../support/guide-runs.ts';
import { commandsWith, guidePages } from '../support/guides.ts';
import { claim, storageClass } from '../support/manifests.ts';

/** The commands of the guides that a test of this file runs. */
function linesOf(named: Named): string[] {
  const lines = guidePages()
    .flatMap(guideCommands)
    .filter((command) => (quarryRuns[quarryKey(command) ?? ''] ?? otherRuns[command.line]) === named)
    .map(({ line }) => line)
    .filter((line) => line.startsWith('kubectl') || line.startsWith('helm'));
  return [...new Set(lines)];
}

describe('the commands of the guides', () => {
  const site = useCluster('guides');
  let administrator: Administrator;
  let withNames: (line: string) => string;
  /** For files of the guides. */
  let folder = '';

  beforeAll(async () => {
    const { cluster, kubectl, volumeOf } = site();
    folder = await mkdtemp(join(tmpdir(), 'quarry-guides-'));
    administrator = await administratorOf(cluster);
    await kubectl.apply(
      storageClass('at-once', { pool: 'fast', type: 'thin' }, { volumeBindingMode: 'Immediate' }),
      claim('mine', { className: 'at-once', size: '16Mi' }),
    );
    await kubectl.wait('jsonpath={.status.phase}=Bound', ['pvc/mine']);
    withNames = namesHere(await driverOn(cluster, 'n1'), await volumeOf('mine'));
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Puts the names of this cluster in place of those of the guides. */
  const namesHere = (pod: string, volume: string) => (line: string) =>
    line
      .replace(/describe pod NAME/, `describe pod ${pod} -n ${NAMESPACE}`)
      .replace(/pvc (?:NAME|CLAIM)/, '$& -n guides')
      .replace(/(?<=pvc )(?:NAME|CLAIM)/, 'mine')
      .replace(/(?<=pv )NAME/, volume)
      .replace(/POD-OF-THE-NODE|\bPOD\b/, pod)
      .replace(/\bNODE\b(?!:)/, 'n1')
      .replace('node-1', 'n1')
      .replace('--namespace storage', `--namespace ${NAMESPACE}`)
      .replace('…', `quarry deploy/helm/quarry --namespace ${NAMESPACE} --reuse-values`);

  test('succeed as they stand where they only read', async () => {
    const lines = linesOf(guides);
    expect(lines.length).toBeGreaterThan(20);
    const failed: string[] = [];
    for (const line of lines) {
      await administrator(withNames(line)).catch((error: Error) => failed.push(error.message));
    }
    expect(failed).toEqual([]);
  });

  test('succeed where they change something', async () => {
    const { cluster, kubectl, volumeOf } = site();
    const left = new Set(linesOf(changing));
    /** Runs the only command that begins so, with something before or after it. */
    const run = async (beginning: string, { before = `cd ${REPOSITORY}; `, after = '' } = {}): Promise<string> => {
      const [line = '', ...more] = [...left].filter((each) => each.startsWith(beginning));
      expect(more, beginning).toEqual([]);
      left.delete(line);
      return administrator(`${before}${withNames(line)}${after}`);
    };
    // So that a container has ended.
    await cluster.workers[0]?.guest.shell(`pkill -KILL -f '^/usr/local/bin/node /opt/quarry/quarry.mjs node'`);

    const volume = await volumeOf('mine');
    const policy = async () => (await kubectl.get<{ spec: object }>('pv', volume)).spec;
    await run('kubectl patch pv');
    expect(await policy()).toMatchObject({ persistentVolumeReclaimPolicy: 'Retain' });
    await kubectl.run(['patch', 'pv', volume, '-p', '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}']);

    // The objects exist in Quarry's namespace.
    const keys = { before: `cd ${folder}; `, after: ' --namespace guides' };
    await administrator(`cd ${folder}; ${commandsWith('docs/guides/install.md', 'openssl req')}`);
    await run('kubectl --namespace quarry create secret', keys);
    await run('kubectl --namespace quarry create configmap', keys);
    await run('helm upgrade … --dry-run=server');

    await run('kubectl delete csidriver');
    // Quarry is installed from the chart. Its CSIDriver differs, and cannot be changed.
    await run('kubectl apply -f deploy/quarry.yaml', { after: ' --dry-run=server' });
    await run('helm upgrade …');
    await kubectl.get('csidriver', 'lvm.quarry.csi');
    const open = 'until (</dev/tcp/127.0.0.1/9811) 2>/dev/null; do sleep 0.1; done';
    const page = `exec 3<>/dev/tcp/127.0.0.1/9811; printf 'GET / HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3; cat <&3; kill $!`;
    expect(await run('kubectl --namespace quarry port-forward', { after: ` & ${open}; ${page}` })).toContain('200 OK');

    await run('kubectl drain');
    await run('kubectl uncordon');
    await run('kubectl -n quarry rollout restart');
    await run('kubectl delete pvc');
    await kubectl.wait('delete', [`pv/${volume}`]);
    for (const set of ['deployment/quarry-controller', 'daemonset/quarry-node']) {
      const rolled = ['rollout', 'status', set, '--timeout=150s'];
      await cluster.kubectl.within(NAMESPACE).run(rolled, { timeout: 160_000 });
    }
    expect(await run('kubectl -n quarry logs POD')).not.toBe('');
    expect([...left]).toEqual([]);
  });
});
