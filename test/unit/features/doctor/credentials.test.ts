import { expect, test } from 'vitest';
import { checkCertificates, checkToken } from '../../../../src/features/doctor/credentials.ts';
import { Authority } from '../../../support/certificates.ts';
import { fakeHost, now } from './harness.ts';

const day = 86_400_000;
const authority = new Authority('Quarry test');

/** A node's files, valid from an hour ago until then. */
function node({ from = now - day, until = now + 60 * day, name = 'a' } = {}) {
  const host = fakeHost();
  const { certificate, key } = authority.issue({ name, uris: [`quarry://node/${name}`], from, until });
  host.files.set('/tls.crt', certificate).set('/tls.key', key);
  const files = { certificates: ['/tls.crt'], key: '/tls.key', identity: 'quarry://node/a' };
  return { host, check: async () => checkCertificates(host, files) };
}

const finding = (outcome: string, text: RegExp) =>
  [expect.objectContaining({ outcome, found: expect.stringMatching(text) as string })] as unknown[];

test.each([
  ['ok', {}, /^valid: \/tls\.crt$/],
  ['error', { until: now }, /expired at 2026-11-21/],
  ['error', { from: now + day }, /not valid before 2026-11-22/],
  ['warning', { until: now + 29 * day }, /expires at 2026-12-20/],
  ['error', { name: 'b' }, /not for this node: it has URI:quarry:\/\/node\/b/],
] as const)('a certificate: %s for %j', async (outcome, options, text) => {
  expect(await node(options).check()).toEqual(finding(outcome, text));
});

test('a certificate or key that is missing, or is none, is an error that does not show the key', async () => {
  const { host, check } = node();
  const key = host.files.get('/tls.key') ?? '';
  host.files.set('/tls.key', authority.issue({ name: 'a' }).key);
  expect(await check()).toEqual(finding('error', /not the key of/));
  host.files.set('/tls.key', key.slice(0, 80));
  const broken = await check();
  expect(broken).toEqual(finding('error', /no private key in PEM/));
  expect(JSON.stringify(broken)).not.toContain(key.slice(30, 60));
  host.files.delete('/tls.key');
  expect(await check()).toEqual(finding('error', /tls\.key does not exist/));
  host.files.set('/tls.crt', 'text');
  expect(await check()).toEqual(finding('error', /has no certificate/));
  host.files.set('/tls.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----');
  expect(await check()).toEqual(finding('error', /cannot be read/));
  host.files.delete('/tls.crt');
  expect(await check()).toEqual(finding('error', /tls\.crt does not exist/));
});

test('every certificate of a file is looked at', async () => {
  const host = fakeHost();
  const issue = (until: number) => authority.issue({ name: 'ca', from: now - day, until }).certificate;
  host.files.set('/ca', `${issue(now + 90 * day)}\n${issue(now - 1000)}`);
  expect(await checkCertificates(host, { certificates: ['/ca'] })).toEqual(finding('error', /expired/));
});

const token = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;

test.each([
  ['ok', token({ exp: now / 1000 + 3600 }), /valid until 2026-11-21T13:00/],
  ['error', token({ exp: now / 1000 }), /expired at 2026-11-21T12:00/],
  ['unknown', 'opaque', /not a ServiceAccount token/],
  ['error', '\n', /is empty/],
  ['error', undefined, /does not exist/],
])('a token: %s for %s', async (outcome, text, shown) => {
  const host = fakeHost();
  if (text !== undefined) host.files.set('/token', text);
  expect(await checkToken(host, '/token')).toEqual(finding(outcome, shown));
});
