import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gauge, Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { buildFamilies, certificateFamilies } from '../../../src/metrics/process.ts';
import { version } from '../../../src/version.ts';
import type { Families } from '../../../src/metrics/metrics.ts';
import { Authority } from '../../support/certificates.ts';

function samplesOf({ gauges = [] }: Families): () => Promise<string[]> {
  const registry = new Registry();
  for (const gauge of gauges) registry.registerMetric(new Gauge({ ...gauge, registers: [] }));
  return async () => (await registry.metrics()).split('\n').filter((row) => /^\w/.test(row));
}

test('says when the certificate in the file expires, and nothing while the file cannot be read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-expiry-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'tls.crt');
  const samples = samplesOf(certificateFamilies(path));
  expect(await samples()).toEqual([]);
  await writeFile(path, new Authority('expiry').issue({ name: 'a', dns: ['a'], usage: 'server' }).certificate);
  const [, value = ''] = (await samples())[0]?.split(' ') ?? [];
  expect(Number(value) * 1000).toBeGreaterThan(Date.now());
  await writeFile(path, 'not a certificate');
  expect(await samples()).toEqual([]);
  expect(await samplesOf(certificateFamilies(undefined))()).toEqual([]);
});

test('shows the version and the role', async () => {
  expect(await samplesOf(buildFamilies('node'))()).toEqual([`quarry_build_info{version="${version}",role="node"} 1`]);
});
