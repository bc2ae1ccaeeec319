import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRegistration, type Registration } from '../../../src/registration/registration.ts';
import { kubeletAt } from '../../support/kubelet.ts';
import { type Line, memoryLog, temporarySocket } from '../grpc/harness.ts';

const endpoint = '/var/lib/kubelet/plugins/lvm.quarry.csi/csi.sock';

interface Registered {
  readonly path: string;
  readonly registration: Registration;
  readonly lines: Line[];
}

function begin(path = temporarySocket(), every = 60_000): Registered {
  const { log, lines } = memoryLog();
  const registration = createRegistration({ path, driver: 'lvm.quarry.csi', endpoint, log, every });
  registration.start();
  onTestFinished(() => registration.stop());
  return { path, registration, lines };
}

const offered = ({ lines }: Registered, times = 1): Promise<void> =>
  vi.waitFor(() => expect(lines.filter(({ message }) => message === 'offered to kubelet')).toHaveLength(times));

/** The socket of a process that was killed. */
function staleSocket(): string {
  const path = temporarySocket();
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, path]);
  expect(statSync(path).isSocket()).toBe(true);
  return path;
}

test("kubelet gets the driver's name and the path of its CSI socket", async () => {
  const begun = begin();
  expect(begun.registration.problem()).toMatch(/not offered/);
  await offered(begun);
  expect(begun.registration.problem()).toBe('kubelet has not called yet');
  using kubelet = kubeletAt(begun.path);
  const info = { type: 'CSIPlugin', name: 'lvm.quarry.csi', endpoint, supportedVersions: ['1.0.0'] };
  expect(await kubelet.getInfo()).toEqual(info);
  await kubelet.notify();
  expect(begun.registration.problem()).toBeUndefined();
  expect(statSync(begun.path).mode & 0o777).toBe(0o600);
});

test("logs kubelet's reason for a refusal, until kubelet accepts the driver", async () => {
  const begun = begin();
  await offered(begun);
  using kubelet = kubeletAt(begun.path);
  // Longer than CSI allows: kubelet has no such limit.
  const reason = `node "n1" ${'x'.repeat(300)}`;
  await kubelet.notify(reason);
  expect(begun.registration.problem()).toBe(`kubelet refused the driver: ${reason}`);
  expect(begun.lines.find(({ level }) => level === 'error')?.fields).toMatchObject({ reason });
  await kubelet.notify('');
  expect(begun.registration.problem()).toMatch(/no reason/);
  await kubelet.notify();
  expect(begun.registration.problem()).toBeUndefined();
});

test('replaces the socket of a dead process without a gap', async () => {
  const path = staleSocket();
  const names: (string | null)[] = [];
  const watcher = watch(dirname(path), (_, name) => void names.push(name));
  onTestFinished(() => watcher.close());
  const before = statSync(path).ino;
  const begun = begin(path);
  await offered(begun);
  expect(statSync(path).ino).not.toBe(before);
  expect(readdirSync(dirname(path))).toEqual(['csi.sock']);
  // A removal and a new socket would be two changes under that name.
  await vi.waitFor(() => expect(names).toContain('csi.sock'));
  expect(names.filter((name) => name === 'csi.sock')).toHaveLength(1);
  using kubelet = kubeletAt(path);
  await kubelet.notify();
});

test('makes a deleted socket again', async () => {
  const begun = begin();
  await offered(begun);
  for (const times of [2, 3]) {
    using kubelet = kubeletAt(begun.path);
    await kubelet.notify();
    unlinkSync(begun.path);
    await offered(begun, times);
    expect(begun.registration.problem()).toBe('kubelet has not called yet');
  }
});

test('finds a folder that is made late, or made again', async () => {
  const path = temporarySocket();
  const folder = `${dirname(path)}/plugins_registry`;
  const begun = begin(`${folder}/reg.sock`, 20);
  await vi.waitFor(() => expect(begun.registration.problem()).toMatch(/plugins_registry does not exist/), 20_000);
  expect(existsSync(folder)).toBe(false);
  mkdirSync(folder);
  await offered(begun);
  renameSync(folder, `${folder}.old`);
  rmSync(`${folder}.old`, { recursive: true });
  await vi.waitFor(() => expect(begun.registration.problem()).toMatch(/does not exist/), 20_000);
  mkdirSync(folder);
  await offered(begun, 2);
  // Not one for each attempt. Two for an absence if an attempt saw the folder vanish.
  const errors = begun.lines.filter(({ level }) => level === 'error');
  expect(errors.length).toBeGreaterThanOrEqual(2);
  expect(errors.length).toBeLessThanOrEqual(4);
});

test('leaves a socket to the process that serves it, until that ends', async () => {
  const path = temporarySocket();
  const other = createServer().listen(path);
  const begun = begin(path, 20);
  await vi.waitFor(() => expect(begun.registration.problem()).toMatch(/another process serves/), 20_000);
  expect(statSync(path).isSocket()).toBe(true);
  other.close();
  await offered(begun);
});

test('leaves a file alone that is not a socket', async () => {
  const path = temporarySocket();
  writeFileSync(path, 'precious');
  const begun = begin(path);
  await vi.waitFor(() => expect(begun.registration.problem()).toMatch(/not a socket/));
  await begun.registration.stop();
  expect(statSync(path).size).toBe(8);
});

test('removes the socket at the end, but not that of a successor', async () => {
  const first = begin();
  await offered(first);
  await first.registration.stop();
  expect(readdirSync(dirname(first.path))).toEqual([]);

  const second = begin();
  await offered(second);
  const successor = createServer().listen(`${second.path}.new`);
  onTestFinished(() => void successor.close());
  await vi.waitFor(() => expect(existsSync(`${second.path}.new`)).toBe(true));
  renameSync(`${second.path}.new`, second.path);
  await second.registration.stop();
  expect(existsSync(second.path)).toBe(true);
});
