import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { command } from '../../lab/command.ts';
import { parseConfig } from '../../src/config/config.ts';
import { findObject, renderObjects } from '../support/chart.ts';

/** The names that nodes dial. */
async function dialled(): Promise<string[]> {
  const config = findObject(await renderObjects({}), 'ConfigMap', 'quarry-node').data?.['config.yaml'] ?? '';
  return parseConfig(config, { hostname: 'node-1' }, 'node').fleet.controllers.map(({ name }) => name);
}

async function expectToServe(certificate: X509Certificate, authority: X509Certificate, days: number): Promise<void> {
  expect(authority.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).toBe(true);
  for (const name of await dialled()) expect(certificate.checkHost(name)).toBe(name);
  const valid = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
  expect(valid / 86_400_000).toBeCloseTo(days, 0);
}

test("the chart's certificates are for the name that nodes dial, signed by the authority that nodes trust", async () => {
  const objects = await renderObjects({ certificates: { days: 30 } });
  const secret = findObject(objects, 'Secret', 'quarry-controller-tls').data ?? {};
  const certificate = new X509Certificate(Buffer.from(secret['tls.crt'] ?? '', 'base64'));
  const authority = findObject(objects, 'ConfigMap', 'quarry-authority').data?.['ca.crt'] ?? '';
  expect(Object.keys(secret).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  await expectToServe(certificate, new X509Certificate(authority), 30);
});

test('certificates made as the guide says are for the name that nodes dial, signed by the authority that nodes trust', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-certificates-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/install.md'), 'utf8');
  const [, script = ''] = /```sh\n(openssl [^`]*)```/.exec(guide) ?? [];
  await command(['bash', '-euc', script], { cwd: folder });
  const read = (name: string) => new X509Certificate(readFileSync(join(folder, name)));
  await expectToServe(read('tls.crt'), read('ca.crt'), 365);
});
