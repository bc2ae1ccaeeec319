import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { bundlePlugin } from '../../plugin/bundle.ts';
import { installExample, useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';
import { metricsIn } from '../support/promql.ts';
import { readDashboard, readRules } from '../support/queries.ts';

/** Runs where the nodes' addresses are known. */
const SCRAPE = join(import.meta.dirname, 'scrape.ts');
const GUIDE = 'docs/guides/kubectl-plugin.md';

const withNodeMetrics = { metrics: { nodes: { enabled: true } } };

describe('the chart', () => {
  const site = useCluster('chart');

  test('passes its own test: each controller is ready, and its certificate is the one that nodes verify', async () => {
    const { exitCode, stdout, stderr } = await site().cluster.helm([
      'test',
      'quarry',
      '--namespace',
      NAMESPACE,
      '--logs',
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stdout.match(/is ready, and its certificate is valid/g)).toHaveLength(2);
  }, 150_000);

  test('has controllers that run with the allocator of the chart', async () => {
    const read = ['exec', 'deploy/quarry-controller', '-c', 'quarry', '--', 'cat', '/proc/1/maps'];
    expect(await site().cluster.kubectl.within(NAMESPACE).run(read)).toContain('/libjemalloc.so.2');
  });

  test('has controllers that export what the dashboard and the alerts ask for', async () => {
    const inNamespace = site().cluster.kubectl.within(NAMESPACE);
    const controllers = ['get', 'pods', '--selector=app.kubernetes.io/component=controller', '--output=name'];
    const [name = ''] = (await inNamespace.run(controllers)).split('\n');
    const scrape = async () =>
      inNamespace.run([
        'get',
        '--raw',
        `/api/v1/namespaces/${NAMESPACE}/${name.replace('pod/', 'pods/')}:9809/proxy/metrics`,
      ]);
    // The sidecars call, and both nodes report, soon after the installation.
    await expect
      .poll(scrape, { timeout: 60_000, interval: 500 })
      .toMatch(/quarry_pool_ready\{node="n2",pool="fast"\} 1/);
    const text = await scrape();
    const expressions = [
      ...(await readRules()).map(({ expr }) => expr),
      ...readDashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ];
    const used = expressions.flatMap(metricsIn).filter(({ name: metric }) => metric !== 'quarry_job_failures');
    for (const { name: metric, labels } of used) {
      expect(text).toContain(`# TYPE ${metric} `);
      const [, sample] = new RegExp(`^${metric}(?:_count)?\\{(.*)\\}`, 'm').exec(text) ?? [];
      const lacking = labels.filter((label) => label !== 'namespace' && !sample?.includes(`${label}="`));
      // All is well, and there are no orphans: these have no samples.
      expect({ metric, lacking: sample === undefined ? [] : lacking }).toEqual({ metric, lacking: [] });
    }
    const sampled = [
      'ready',
      'thin_data_ratio',
      'thin_metadata_ratio',
      'thin_size_bytes',
      'thin_promised_bytes',
      'free_bytes',
    ];
    for (const part of sampled) expect(text).toContain(`quarry_pool_${part}{node="n1",pool="fast"} `);
  }, 120_000);

  test('is asked by `kubectl quarry` with the rights of the guide, and no others', async () => {
    const { cluster } = site();
    const inNamespace = cluster.kubectl.within(NAMESPACE);
    const plugin = join(cluster.folder, 'kubectl-quarry');
    await bundlePlugin(plugin);
    await inNamespace.run(['create', 'serviceaccount', 'viewer']);
    const token = (await inNamespace.run(['create', 'token', 'viewer'])).trim();
    const { controlPlane, folder } = cluster;
    const config = parse(await controlPlane.kubeconfigFor(controlPlane.admin)) as { users: { user: object }[] };
    const users = config.users.map((user) => ({ ...user, user: { token } }));
    const kubeconfig = join(folder, 'viewer.kubeconfig');
    await writeFile(kubeconfig, JSON.stringify({ ...config, users }), { mode: 0o600 });
    const argv = [process.execPath, plugin, '--kubeconfig', kubeconfig];
    const ask = async (...words: string[]) => cluster.lab.host.exec([...argv, ...words], { timeout: 60_000 });

    expect(await ask('--namespace', NAMESPACE, 'status')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`you lack the right to list pods in namespace ${NAMESPACE}`),
    });
    const [, role = ''] = /```yaml\n(.*?)```/s.exec(await readFile(GUIDE, 'utf8')) ?? [];
    await inNamespace.applyText(role);
    const viewer = `--serviceaccount=${NAMESPACE}:viewer`;
    await inNamespace.run(['create', 'rolebinding', 'viewer', '--role=quarry-command-line', viewer]);
    const status = await ask('--namespace', NAMESPACE, 'status');
    expect(status).toMatchObject({ exitCode: 0, stderr: '' });
    expect(status.stdout).toMatch(/^Nodes: 2 connected\. .*\n\nNODE /);
    const wrong = await ask('--namespace', NAMESPACE, 'pools', '--pods');
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('unknown option "--pods"') });
    const disks = await ask('--namespace', NAMESPACE, 'disks', '-o', 'json');
    const { items } = JSON.parse(disks.stdout) as { items: { node: string; device: string; verdict: string }[] };
    expect(items).toContainEqual(expect.objectContaining({ node: 'n1', device: '/dev/ubdb', verdict: 'member' }));
    expect(items).toContainEqual(expect.objectContaining({ node: 'n2', device: '/dev/ubdb', verdict: 'member' }));
    const approval = await ask('--namespace', NAMESPACE, 'disks', 'approve', '--yes');
    expect(approval).toMatchObject({ exitCode: 0, stdout: 'No disk is proposed.\n' });
    expect((await ask('status')).stderr).toContain('you lack the right to list pods in all namespaces');
    await inNamespace.run(['delete', 'serviceaccount/viewer', 'rolebinding/viewer', 'role/quarry-command-line']);
  }, 200_000);

  test('gives the nodes of a group pools of their own, and takes them back', async () => {
    const { cluster, kubectl, ready, nodeOf } = site();
    const [first, second] = cluster.workers;
    if (!first || !second) throw new Error('the cluster has two nodes');
    await cluster.kubectl.run(['label', `node/${second.name}`, 'disks=special']);
    const pools = [
      {
        name: 'special',
        volumeGroup: 'quarry-promised',
        type: 'thin',
        approve: 'automatic',
        disks: { paths: ['/dev/ubdd'] },
      },
    ];
    const nodeGroups = [{ name: 'special', nodeSelector: { disks: 'special' }, pools }];
    const storageClasses = [{ name: 'special', parameters: { pool: 'special' } }];
    await installExample(cluster, { nodeGroups, storageClasses });
    const onNodes = ['get', 'pods', '--selector=quarry/group=special', '--output=jsonpath={.items[*].spec.nodeName}'];
    expect(await cluster.kubectl.within(NAMESPACE).run(onNodes)).toBe(second.name);

    await kubectl.apply(storageClass('rest', { pool: 'fast', type: 'thin' }));
    for (const className of ['special', 'rest']) {
      const name = `on-${className}`;
      await kubectl.apply(
        claim(name, { className, size: '64Mi' }),
        pod(name, { volumes: { '/data': { claim: name } } }),
      );
    }
    await ready('on-special', 'on-rest');
    expect((await nodeOf('on-special')).name).toBe(second.name);
    expect((await nodeOf('on-rest')).name).toBe(first.name);
    await kubectl.run(['delete', 'pod/on-special', 'pod/on-rest', 'pvc/on-special', 'pvc/on-rest']);

    await cluster.kubectl.run(['label', `node/${second.name}`, 'disks-']);
    // The values of the next test, which saves it a rollout.
    await installExample(cluster, withNodeMetrics);
    const all = ['get', 'daemonsets', '--output=jsonpath={.items[*].metadata.name}'];
    expect(await cluster.kubectl.within(NAMESPACE).run(all)).toBe('quarry-node');
  }, 400_000);

  test('serves its status page, and the metrics of nodes over TLS to callers with the right, where its values say so', async () => {
    const { cluster } = site();
    const { host } = cluster.lab;
    const inNamespace = cluster.kubectl.within(NAMESPACE);
    await installExample(cluster, withNodeMetrics);
    const ask = async (...words: string[]) => {
      const { stdout, stderr } = await host.exec([process.execPath, SCRAPE, ...words], { timeout: 30_000 });
      return JSON.parse(stdout || JSON.stringify({ status: undefined, body: stderr })) as {
        status?: number;
        body: string;
      };
    };
    await inNamespace.run(['create', 'serviceaccount', 'scraper']);
    const token = (await inNamespace.run(['create', 'token', 'scraper'])).trim();
    const authority = await inNamespace.run([
      'get',
      'secret/quarry-node-metrics-tls',
      '--output=jsonpath={.data.ca\\.crt}',
    ]);
    const address = await cluster.kubectl.run([
      'get',
      'nodes',
      '--output=jsonpath={.items[0].status.addresses[0].address}',
    ]);
    const metrics = (...words: string[]) =>
      ask(
        `https://${address}:9810/metrics`,
        `quarry-node.${NAMESPACE}.svc`,
        words[0] ?? '',
        Buffer.from(authority, 'base64').toString(),
      );
    expect(await metrics()).toMatchObject({ status: 401, body: '' });
    expect(await metrics(token)).toMatchObject({ status: 403, body: '' });
    await cluster.kubectl.run(['create', 'clusterrole', 'scraper', '--verb=get', '--non-resource-url=/metrics']);
    await cluster.kubectl.run([
      'create',
      'clusterrolebinding',
      'scraper',
      '--clusterrole=scraper',
      `--serviceaccount=${NAMESPACE}:scraper`,
    ]);
    await expect
      .poll(async () => (await metrics(token)).body, { timeout: 60_000 })
      .toMatch(/^quarry_pool_ready\{node="n1",pool="fast"\} 1$/m);

    const plugin = join(cluster.folder, 'kubectl-quarry');
    await bundlePlugin(plugin);
    const kubeconfig = join(cluster.folder, 'dashboard.kubeconfig');
    await writeFile(kubeconfig, await cluster.controlPlane.kubeconfigFor(cluster.controlPlane.admin), { mode: 0o600 });
    const dashboard = await host.start([process.execPath, plugin, '--kubeconfig', kubeconfig, 'dashboard']);
    const page = await ask((await dashboard.stdout.waitFor(/http:\S+/, 60_000)).trim());
    dashboard.kill('SIGINT');
    await dashboard.exited;
    expect(page).toMatchObject({ status: 200, body: expect.stringContaining('Nodes: 2 connected.') });
    await cluster.kubectl.run(['delete', 'clusterrole/scraper', 'clusterrolebinding/scraper']);
    await inNamespace.run(['delete', 'serviceaccount/scraper']);
    await installExample(cluster);
  }, 300_000);
});
