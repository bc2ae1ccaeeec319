import { expect, test } from 'vitest';
import { checkConnections, checkNames, clockFindings } from '../../../../src/features/doctor/controllers.ts';
import { greet } from '../../../../src/features/doctor/greet.ts';
import { Authority } from '../../../support/certificates.ts';
import { authority, controller, nodeCertificate } from '../../fleet/harness.ts';
import { fakeHost, now } from './harness.ts';

const names = [{ name: 'one', port: 9443 }];
const finding = (outcome: string, text: RegExp) =>
  expect.objectContaining({ outcome, found: expect.stringMatching(text) as string }) as unknown;

test('a name that does not resolve, and one without an address, are errors', async () => {
  const host = fakeHost();
  expect(await checkNames(host, names)).toEqual([finding('error', /one does not resolve: .*ENOTFOUND/)]);
  host.names.set('one', []);
  expect(await checkNames(host, names)).toEqual([finding('error', /no address/)]);
  host.names.set('one', ['10.0.0.1', '10.0.0.2']);
  expect(await checkNames(host, names)).toEqual([finding('ok', /10\.0\.0\.1, 10\.0\.0\.2/)]);
});

test('each replica is asked: one that does not answer is an error', async () => {
  const host = fakeHost();
  const check = async () => checkConnections(host, names, async () => ({}));
  expect(await check()).toEqual([finding('unknown', /no controller has an address/)]);
  host.names.set('one', ['10.0.0.1', '10.0.0.2']);
  host.clocks.set('10.0.0.1', now);
  expect(await check()).toEqual([
    finding('ok', /one at 10\.0\.0\.1:9443 answers/),
    finding('error', /one at 10\.0\.0\.2:9443 cannot be reached: connect ECONNREFUSED/),
  ]);
});

test.each([
  [5000, 'ok', /agrees/],
  [6000, 'warning', /6 s behind that of it/],
  [-6000, 'warning', /6 s ahead of that of it/],
  [60_000, 'error', /60 s behind/],
])('clocks that are %i ms apart: %s', (apart, outcome, text) => {
  expect(clockFindings('it', now + apart, now)).toEqual([finding(outcome, text)]);
});

test('a controller without a clock leaves the clock unknown', () => {
  expect(clockFindings('it', undefined, now)).toEqual([finding('ok', /answers/), finding('unknown', /clock/)]);
});

test('a running controller shows its clock to a node that trusts its certificate, and to no other', async () => {
  const { port } = await controller();
  const address = { host: '127.0.0.1', port, name: 'localhost' };
  const { certificate, key } = nodeCertificate('a');
  const trusted = { ca: Buffer.from(authority.certificate), cert: Buffer.from(certificate), key: Buffer.from(key) };
  const before = Date.now();
  const clock = await greet(address, trusted);
  expect(clock).toBeGreaterThan(before - 2000);
  expect(clock).toBeLessThan(Date.now() + 2000);
  const other = { ...trusted, ca: Buffer.from(new Authority('another').certificate) };
  await expect(greet(address, other)).rejects.toThrow(/certificate|signature/);
  await expect(greet({ ...address, name: 'another' }, trusted)).rejects.toThrow(/another/);
  await expect(greet(address, { ca: trusted.ca })).rejects.toThrow('it closed the connection');
});
