import { writeFile } from 'node:fs/promises';
import { onTestFinished, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { printRecord } from '../../../../src/domain/persistent-volume.ts';
import { create } from '../../../../src/features/recovery/apply.ts';
import { persistentVolume, recover } from '../../../../src/features/recovery/objects.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { createServer } from '../../../../src/grpc/server.ts';
import { recordOf } from '../../../../src/kubernetes/persistent-volumes.ts';
import { quarry } from '../../cli/harness.ts';
import { memoryLog, temporarySocket } from '../../grpc/harness.ts';
import { startApiServer } from '../../kubernetes/harness.ts';

const pvs = '/api/v1/persistentvolumes';
const pvcs = '/api/v1/namespaces/db/persistentvolumeclaims';
const record = {
  name: 'pvc-1',
  claim: { namespace: 'db', name: 'data-0' },
  storageClass: 'fast',
  attributesClass: 'gold',
  reclaimPolicy: 'Delete',
  accessModes: ['ReadWriteOnce'],
  volumeMode: 'Filesystem',
  fsType: 'xfs',
  mountOptions: ['noatime'],
};
const found = {
  id: 'a:pvc-1',
  node: 'a',
  name: 'pvc-1',
  size: 2n ** 30n,
  filesystem: 'xfs',
  persistentVolume: printRecord(record),
};

test('the PersistentVolume and the claim of a record are as they were', () => {
  const { volume, claim, guessed } = recover(found, 'lvm.quarry.csi');
  expect(guessed).toBeUndefined();
  expect(volume).toEqual({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pvc-1', annotations: { 'pv.kubernetes.io/provisioned-by': 'lvm.quarry.csi' } },
    spec: {
      capacity: { storage: '1073741824' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'fast',
      volumeAttributesClassName: 'gold',
      volumeMode: 'Filesystem',
      mountOptions: ['noatime'],
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'db', name: 'data-0' },
      csi: { driver: 'lvm.quarry.csi', volumeHandle: 'a:pvc-1', fsType: 'xfs' },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'topology.lvm.quarry.csi/node', operator: 'In', values: ['a'] }] },
          ],
        },
      },
    },
  });
  expect(claim).toMatchObject({
    metadata: { name: 'data-0', namespace: 'db' },
    spec: { volumeName: 'pvc-1', storageClassName: 'fast', resources: { requests: { storage: '1073741824' } } },
  });
  // What it is written with is what is recorded of it again.
  expect(recordOf('pvc-1', volume.spec as Parameters<typeof recordOf>[1])).toEqual(record);
});

test('a volume without a record gets a PersistentVolume that deletes nothing, and what is missing is said', () => {
  const { volume, claim, guessed } = recover({ ...found, filesystem: 'block', persistentVolume: '' }, 'lvm.quarry.csi');
  expect(volume.spec).toMatchObject({
    persistentVolumeReclaimPolicy: 'Retain',
    volumeMode: 'Block',
    storageClassName: '',
  });
  expect(volume.spec).not.toHaveProperty('claimRef');
  expect(claim).toBeUndefined();
  expect(guessed).toContain('no claim, class');
});

const reported = { ...found, pod: '', size: String(found.size), state: 'ready', role: '' };

/** A controller that reports these volumes, with an API server. */
async function begin(volumes: readonly object[]) {
  const { server, api } = await startApiServer();
  const socket = temporarySocket();
  const service = createServer({
    endpoint: `unix://${socket}`,
    interface: admin,
    services: { Admin: { listVolumes: async () => ({ volumes }) } },
    log: memoryLog().log,
  });
  await service.start();
  onTestFinished(() => void service.stop(0));
  const config = `${socket}.yaml`;
  const [fleet, token] = ['listen: "127.0.0.1:0", certificate: /c, key: /k, clientCa: /ca', `${socket}.token`];
  await writeFile(token, 'token');
  const kubernetes = `server: "${server.url.href}", tokenFile: ${token}, caFile: ${token}`;
  await writeFile(config, `admin: unix://${socket}\nfleet: { ${fleet} }\nkubernetes: { ${kubernetes} }\n`);
  const run = async (...words: string[]) => quarry(['recover', ...words, '--config', config]);
  return { server, api, run, config, socket, fleet };
}

test('the objects are printed for kubectl, without those of volumes that have a PersistentVolume', async () => {
  const { server, run } = await begin([
    reported,
    { ...reported, id: 'b:pvc-2', node: 'b', name: 'pvc-2', persistentVolume: '' },
  ]);
  const kinds = async (...words: string[]) =>
    parseAllDocuments((await run(...words)).stdout).map(
      (document) => (document.toJS() as { kind?: string } | null)?.kind,
    );
  expect(await kinds('--claims')).toEqual(['PersistentVolume', 'PersistentVolumeClaim', 'PersistentVolume']);
  expect(await kinds('--claims', '--node', 'a')).toEqual(['PersistentVolume', 'PersistentVolumeClaim']);
  expect((await run()).said).toEqual([expect.stringMatching(/^Not known of pvc-2: its tags have no claim/)]);
  server.put(pvs, {
    metadata: { name: 'other' },
    spec: { csi: { driver: 'lvm.quarry.csi', volumeHandle: 'a:pvc-1' } },
  });
  const { stdout, said } = await run();
  expect(stdout).not.toContain('pvc-1');
  expect(said).toContain('1 have a PersistentVolume.');
});

test('a copy, a creation that did not end, and an id that two nodes report are left out, and said', async () => {
  const { run } = await begin([
    { ...reported, id: 'a:copy', role: 'superseded' },
    { ...reported, id: 'a:half', state: 'creating' },
    { ...reported, id: 'a:inline', pod: 'db/web-0' },
    reported,
    { ...reported, node: 'b' },
  ]);
  const { stdout, said } = await run();
  expect(stdout).toBe('');
  expect(said.map((line) => line.replace(/:[^:]*$/, ''))).toEqual([
    expect.stringMatching(/a:copy on a is superseded/),
    expect.stringMatching(/a:half on a was never handed out/),
    expect.stringMatching(/a:pvc-1 is on a and b/),
    expect.stringMatching(/a:pvc-1 is on a and b/),
  ]);
});

test('the objects are created once, and a second run changes nothing', async () => {
  const { server, api, run } = await begin([reported]);
  expect((await run('--apply', '--claims')).stdout).toBe(
    'PersistentVolume pvc-1: created\nPersistentVolumeClaim db/data-0: created\n',
  );
  const before = [await api.get(`${pvs}/pvc-1`), await api.get(`${pvcs}/data-0`)].map(({ body }) => body);
  const again = await run('--apply', '--claims');
  expect(again).toMatchObject({ stdout: '', failed: false, said: ['1 have a PersistentVolume.'] });
  expect([await api.get(`${pvs}/pvc-1`), await api.get(`${pvcs}/data-0`)].map(({ body }) => body)).toEqual(before);
  server.delete(pvs, 'pvc-1');
  server.put(pvs, {
    metadata: { name: 'pvc-1' },
    spec: { csi: { driver: 'lvm.quarry.csi', volumeHandle: 'b:pvc-1' } },
  });
  const clash = await run('--apply');
  expect(clash.stdout).toBe('PersistentVolume pvc-1: failed: it exists, and is of b:pvc-1, not of a:pvc-1\n');
  expect(clash.failed).toBe(true);
});

test('an object that came to be meanwhile is left as it is, and a refusal is an outcome', async () => {
  const { server, api } = await startApiServer();
  const object = persistentVolume(found, record, 'lvm.quarry.csi');
  server.put(pvs, { ...object, metadata: { ...object.metadata, labels: {} } });
  expect(await create(api, object)).toEqual({ object: 'PersistentVolume pvc-1', outcome: 'exists' });
  server.failing = 403;
  expect(await create(api, object)).toMatchObject({ outcome: 'failed', reason: '403 told to fail' });
});

test('objects are not created without access to an API server', async () => {
  const { config, run, socket, fleet } = await begin([reported]);
  await writeFile(config, `admin: unix://${socket}\nfleet: { ${fleet} }\n`);
  await expect(run('--apply')).rejects.toThrow(/pipe the output to kubectl/);
  expect((await run()).stdout).toContain('volumeHandle: a:pvc-1');
});
