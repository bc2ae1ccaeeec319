import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../../src/domain/errors.ts';
import { error, ok, unknown, warning } from '../../../../src/features/doctor/finding.ts';
import { createHost } from '../../../../src/features/doctor/host.ts';
import { examine, machineChecks, nodeChecks } from '../../../../src/features/doctor/plan.ts';
import { report } from '../../../../src/features/doctor/requests.ts';
import { parseConfig } from '../../../../src/config/config.ts';
import { quarry } from '../../cli/harness.ts';
import { authority, filesOf, serverCertificate, temporaryFolder } from '../../fleet/harness.ts';
import { fakeHost, lvmVersion } from './harness.ts';

test('a check that cannot tell is unknown, and the others go on; a defect is no finding', async () => {
  const checks = [
    { name: 'one', run: async () => Promise.reject(new Failure('unavailable', 'it hangs')) },
    { name: 'two', run: async () => [ok('fine')] },
  ];
  expect(await examine(checks)).toEqual([
    expect.objectContaining({ check: 'one', outcome: 'unknown', found: 'it hangs' }),
    { check: 'two', outcome: 'ok', found: 'fine' },
  ]);
  const broken = { name: 'three', run: async () => Promise.reject(new TypeError('defect')) };
  await expect(examine([broken])).rejects.toThrow('defect');
});

test('the worst comes first, and only an error lets the command fail', () => {
  const each = [ok('a'), unknown('b', ''), warning('c', ''), error('d', '')];
  const findings = each.map((one) => Object.assign(one, { check: 'x' }));
  let failed = 0;
  const terminal = { fail: () => void (failed += 1) };
  const { records, footer } = report(findings, terminal);
  expect(records.map(({ found }) => found)).toEqual(['d', 'c', 'b', 'a']);
  expect(footer).toContain('1 errors, 1 warnings, 1 unknown');
  expect(failed).toBe(1);
  report(findings.slice(0, 3), terminal);
  expect(failed).toBe(1);
});

const nodeText = (folder: string) => `
node: a
fleet: { controllers: "controller.test:9443", ca: ${folder}/ca.crt, token: ${folder}/token }
registration: { directory: ${folder}/plugins_registry }
pools: [{ name: fast, volumeGroup: vg, type: thin }]`;

test('a host before the installation: every check has a finding, and LVM is asked once for the disks', async () => {
  const host = fakeHost();
  host.programs.set('lvm version', { stdout: lvmVersion });
  const config = parseConfig(nodeText('/x'), { hostname: 'a' }, 'node');
  let looks = 0;
  const look = async () => {
    looks += 1;
    return host.look();
  };
  const found = await examine([...machineChecks({ ...host, look }, config), ...nodeChecks(host, config)]);
  expect(looks).toBe(1);
  const worst = new Map(found.map(({ check, outcome }) => [check, outcome]));
  expect(Object.fromEntries(worst)).toEqual({
    lvm: 'ok',
    'thin-tools': 'error',
    tools: 'warning',
    encryption: 'warning',
    'device-mapper': 'error',
    'lvm-configuration': 'error',
    udev: 'warning',
    cgroups: 'error',
    selinux: 'ok',
    disks: 'unknown',
    visible: 'unknown',
    pools: 'unknown',
    kubelet: 'error',
    certificates: 'error',
    token: 'error',
    dns: 'error',
    controllers: 'unknown',
  });
});

test('the file shows which role is checked; a controller needs no disks', async () => {
  const folder = temporaryFolder();
  const files = filesOf(serverCertificate(), authority.certificate, folder);
  const path = join(folder, 'controller.yaml');
  const fleet = `listen: "127.0.0.1:0", certificate: ${files.certificate}, key: ${files.key}, clientCa: ${files.ca}`;
  await writeFile(path, `admin: unix://${folder}/admin.sock\nfleet: { ${fleet} }\n`);
  const { stdout, failed } = await quarry(['doctor', '--config', path, '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { check: string; outcome: string }[] };
  // Those of the test are valid for a day.
  expect(items.map(({ check, outcome }) => `${check}: ${outcome}`)).toEqual([
    'certificates: warning',
    'certificates: warning',
  ]);
  expect(failed).toBe(false);
  await writeFile(path, nodeText(folder).replace('type: thin', 'type: thim'));
  await expect(quarry(['doctor', '--config', path])).rejects.toThrow(/pools\[0\]\.type/);
});

test('the real machine tells a missing file and a missing program from one that fails', async () => {
  const host = await createHost();
  expect(await host.readFile('/nowhere')).toBeUndefined();
  expect(await host.list('/nowhere')).toBeUndefined();
  expect(await host.list('/proc/self')).toContain('stat');
  await expect(host.readFile('/proc')).rejects.toThrow('/proc cannot be read');
  expect(await host.run(['quarry-has-no-such-program'])).toBeUndefined();
  expect(await host.run(['false'])).toEqual({ exitCode: 1, stdout: '', stderr: '' });
  await expect(host.look()).rejects.toThrow('no disks');
});
