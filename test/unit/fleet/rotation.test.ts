import { renameSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import { byToken } from '../../../src/fleet/server/identity.ts';
import { Authority } from '../../support/certificates.ts';
import {
  attached,
  authority,
  controller,
  filesOf,
  memberOf,
  never,
  node,
  nodeCertificate,
  serverCertificate,
  temporaryFolder,
} from './harness.ts';
import { GatedStorage, specOf } from './gated-storage.ts';

/** Replaces a file at once, as an editor or kubelet does. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

test('a new certificate of the controller and a new authority are used, and drop no call', async () => {
  const files = filesOf(serverCertificate(), authority.certificate);
  const running = await controller({ files, reload: 50 });
  const storage = new GatedStorage('a');
  node(storage, [running.port]);
  const member = await attached(running, 'a');
  const gate = Promise.withResolvers<void>();
  storage.gate = () => gate.promise;
  const create = member.storage.create(specOf('pvc-1'), never);
  await vi.waitUntil(() => storage.begun.length === 1);

  const next = new Authority('next');
  const certified = serverCertificate(next);
  // The key first: until the certificate follows, the two do not fit, and the earlier pair stays in use.
  replace(files.key, certified.key);
  const kept = () =>
    running.lines.find(({ message }) => message === 'certificates could not be read; the current ones stay');
  await vi.waitUntil(kept);
  expect(kept()?.fields['reason']).toBe(`${files.key} is not the key of ${files.certificate}`);
  replace(files.certificate, certified.certificate);
  replace(files.ca, next.certificate);
  await vi.waitUntil(() => running.lines.some(({ message }) => message === 'certificates read again'));

  const newcomer = new GatedStorage('b');
  node(newcomer, [running.port], { files: filesOf(nodeCertificate('b', next), next.certificate) });
  await attached(running, 'b');
  expect(memberOf(running, 'a')?.connected).toBe(true);
  gate.resolve();
  expect(await create).toMatchObject({ id: 'a:pvc-1' });
});

test('a new certificate of the node takes over without dropping a call, before the old one expires', async () => {
  const files = filesOf(nodeCertificate('a'), authority.certificate);
  const running = await controller();
  const storage = new GatedStorage('a');
  node(storage, [running.port], { files });
  const member = await attached(running, 'a');
  const gate = Promise.withResolvers<void>();
  storage.gate = () => gate.promise;
  const create = member.storage.create(specOf('pvc-1'), never);
  await vi.waitUntil(() => storage.begun.length === 1);

  const renewed = nodeCertificate('a');
  replace(files.key, renewed.key);
  replace(files.certificate, renewed.certificate);
  const joined = () => running.lines.filter(({ message }) => message === 'node connected').length;
  await vi.waitUntil(() => joined() === 2, 20_000);
  storage.gate = async () => undefined;
  expect(await member.storage.find('a:none' as VolumeId, never)).toBeUndefined();
  gate.resolve();
  expect(await create).toMatchObject({ id: 'a:pvc-1' });
  expect(running.lines.filter(({ message }) => message === 'node disconnected')).toEqual([]);
});

test('a new token is sent over the existing stream', async () => {
  const token = `${temporaryFolder()}/token`;
  writeFileSync(token, 'first\n');
  const seen: string[] = [];
  const { certificate, key } = filesOf(serverCertificate(), authority.certificate);
  const running = await controller({
    files: { certificate, key },
    identify: byToken(async (text) => {
      seen.push(text);
      return { node: 'a' as NodeName, expires: Number.POSITIVE_INFINITY };
    }),
  });
  const files = { ca: filesOf(serverCertificate(), authority.certificate).ca };
  node(new GatedStorage('a'), [running.port], { files, token });
  await attached(running, 'a');
  replace(token, 'second\n');
  await vi.waitUntil(() => seen.length === 2, 20_000);
  expect(seen).toEqual(['first', 'second']);
  expect(running.lines.filter(({ message }) => message === 'node connected')).toHaveLength(1);
});

test('a node whose files are missing tries again, and logs the reason', async () => {
  const running = await controller();
  const files = filesOf(nodeCertificate('a'), authority.certificate);
  renameSync(files.key, `${files.key}.away`);
  const { lines } = node(new GatedStorage('a'), [running.port], { files });
  await vi.waitUntil(() => lines.some(({ fields }) => String(fields['reason']).includes('tls.key cannot be read')));
  renameSync(`${files.key}.away`, files.key);
  await attached(running, 'a');
});
