import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { command } from '../../lab/command.ts';
import { parseConfig } from '../../src/config/config.ts';
import { CHART, helm } from '../../deploy/render.ts';
import {
  type ChartObject,
  findObject,
  given,
  parseObjects,
  renderObjects,
  withChangedBlocks,
} from '../support/chart.ts';
import { commandsWith } from '../support/guides.ts';
import { serveHelm } from '../support/helm-api.ts';

/** The names that nodes dial. */
async function dialled(): Promise<string[]> {
  const config = findObject(await renderObjects({}), 'ConfigMap', 'quarry-node').data?.['config.yaml'] ?? '';
  return parseConfig(config, { hostname: 'node-1' }, 'node').fleet.controllers.map(({ name }) => name);
}

/** The name that backup programs dial, and the authority that they trust, in base64. */
function metadataService(objects: readonly ChartObject[]): { name: string; authority: string } {
  const { spec } = findObject(objects, 'SnapshotMetadataService', 'lvm.quarry.csi') as unknown as {
    spec: { address: string; caCert: string };
  };
  return { name: spec.address.split(':')[0] ?? '', authority: spec.caCert };
}

async function expectToServe(certificate: X509Certificate, authority: X509Certificate, days: number): Promise<void> {
  expect(authority.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).toBe(true);
  for (const name of await dialled()) expect(certificate.checkHost(name)).toBe(name);
  const valid = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
  expect(valid / 86_400_000).toBeCloseTo(days, 0);
}

/** As an installation renders it, with the cluster at hand. */
async function install(environment: Readonly<Record<string, string>>) {
  const values = { ...given, ...withChangedBlocks, certificates: { from: 'chart', days: 30 } };
  const flags = ['--namespace', 'quarry', '--dry-run=server', '--disable-openapi-validation', '--values', '-'];
  const objects = parseObjects(await helm(['template', 'quarry', CHART, ...flags], values, environment));
  return { objects, secret: findObject(objects, 'Secret', 'quarry-controller-tls').data ?? {} };
}

test('an upgrade keeps the certificates that an earlier installation made', async () => {
  const { secret } = await install(await serveHelm());
  const path = '/api/v1/namespaces/quarry/secrets/quarry-controller-tls';
  const metadata = {
    name: 'quarry-controller-tls',
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'quarry', 'meta.helm.sh/release-namespace': 'quarry' },
  };
  const found = { apiVersion: 'v1', kind: 'Secret', metadata, data: secret };
  const again = await install(await serveHelm({ [path]: found }));
  expect(again.secret).toEqual(secret);
  const authority = findObject(again.objects, 'ConfigMap', 'quarry-authority').data?.['ca.crt'];
  expect(authority).toBe(Buffer.from(secret['ca.crt'] ?? '', 'base64').toString());
  // Without that Secret they are others.
  expect((await install(await serveHelm())).secret).not.toEqual(secret);
});

test("the chart's certificates are for the name that nodes dial, signed by the authority that nodes trust", async () => {
  const { objects, secret } = await install(await serveHelm());
  const certificate = new X509Certificate(Buffer.from(secret['tls.crt'] ?? '', 'base64'));
  const authority = findObject(objects, 'ConfigMap', 'quarry-authority').data?.['ca.crt'] ?? '';
  expect(Object.keys(secret).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  await expectToServe(certificate, new X509Certificate(authority), 30);
  const metadata = metadataService(objects);
  expect(certificate.checkHost(metadata.name)).toBe(metadata.name);
  expect(Buffer.from(metadata.authority, 'base64').toString()).toBe(authority);
});

test('certificates made as the guide says are for the name that nodes dial, signed by the authority that nodes trust', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-certificates-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await command(['bash', '-euc', commandsWith('docs/guides/install.md', 'openssl req')], { cwd: folder });
  const read = (name: string) => new X509Certificate(readFileSync(join(folder, name)));
  await expectToServe(read('tls.crt'), read('ca.crt'), 365);
  const { name } = metadataService(await renderObjects(withChangedBlocks));
  expect(read('tls.crt').checkHost(name)).toBe(name);
});
