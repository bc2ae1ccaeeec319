import { expect, test } from 'vitest';
import { checkClasses } from '../../../../src/features/doctor/classes.ts';
import { checkApiServer, checkCsiDriver, checkRights, checkSidecars } from '../../../../src/features/doctor/cluster.ts';
import { startApiServer } from '../../kubernetes/harness.ts';

const finding = (outcome: string, text: RegExp) =>
  expect.objectContaining({ outcome, found: expect.stringMatching(text) as string }) as unknown;

test('the API server: its clock, a refusal, and no answer', async () => {
  const { server, api } = await startApiServer();
  expect(await checkApiServer(api, Date.now)).toEqual([finding('ok', /its clock agrees/)]);
  server.clock = () => Date.now() + 120_000;
  expect(await checkApiServer(api, Date.now)).toEqual([finding('error', /1[12]\d s behind that of the API server/)]);
  server.failing = 401;
  expect(await checkApiServer(api, Date.now)).toEqual([finding('error', /answers 401/)]);
  await server.down();
  expect(await checkApiServer(api, Date.now)).toEqual([finding('error', /does not answer/)]);
});

test('rights that are missing are named', async () => {
  const { server, api } = await startApiServer();
  expect(await checkRights(api)).toEqual([finding('ok', /has its rights/)]);
  server.allowed = (verb, resource) => resource !== 'persistentvolumes' || verb !== 'delete';
  expect(await checkRights(api)).toEqual([finding('error', /may not: delete persistentvolumes$/)]);
  server.allowed = (_verb, resource) => resource !== 'tokenreviews';
  expect(await checkRights(api)).toEqual([finding('error', /may not: create tokenreviews\.authentication\.k8s\.io$/)]);
});

test('the CSIDriver: missing, different, and not readable', async () => {
  const { server, api } = await startApiServer();
  const path = '/apis/storage.k8s.io/v1/csidrivers';
  expect(await checkCsiDriver(api, 'lvm')).toEqual([finding('error', /there is no CSIDriver lvm/)]);
  server.put(path, { metadata: { name: 'lvm' }, spec: {} });
  expect(await checkCsiDriver(api, 'lvm')).toEqual([
    finding('error', /attachRequired/),
    finding('error', /storageCapacity/),
  ]);
  server.put(path, { metadata: { name: 'lvm' }, spec: { attachRequired: false, storageCapacity: true } });
  expect(await checkCsiDriver(api, 'lvm')).toEqual([finding('ok', /as it should be/)]);
  server.failing = 403;
  expect(await checkCsiDriver(api, 'lvm')).toEqual([finding('unknown', /cannot be read: 403 told to fail/)]);
});

test('StorageClasses: a wrong parameter, mirrors, those of another driver, and a list that cannot be read', async () => {
  const { server, api } = await startApiServer();
  const put = (name: string, provisioner: string, parameters?: object) =>
    server.put('/apis/storage.k8s.io/v1/storageclasses', { metadata: { name }, provisioner, parameters });
  put('other', 'x.example', { miror: '1' });
  expect(await checkClasses(api, 'lvm')).toEqual([finding('ok', /no StorageClass has the provisioner lvm/)]);
  put('safe', 'lvm', { mirrors: '1' });
  put('plain', 'lvm');
  put('wrong', 'lvm', { miror: '1', stripes: 'two' });
  expect(await checkClasses(api, 'lvm')).toEqual([
    finding('ok', /^StorageClass safe is as it should be; .* target raid/),
    finding('ok', /^StorageClass plain is as it should be$/),
    finding('error', /^StorageClass wrong makes no volume: .*"miror" is unknown.*stripes "two"/),
  ]);
  server.failing = 403;
  expect(await checkClasses(api, 'lvm')).toEqual([finding('unknown', /cannot be read: 403 told to fail/)]);
});

test('sidecars: one that is missing, one that is not ready, and a place that is no pod', async () => {
  const { server, api } = await startApiServer();
  const place = { namespace: 'quarry', pod: 'c-0' };
  expect(await checkSidecars(api, undefined)).toEqual([finding('unknown', /not a pod/)]);
  expect(await checkSidecars(api, place)).toEqual([finding('unknown', /not a pod/)]);
  const container = (name: string, ready = true) => ({ name, ready, image: `x/csi-${name}:1`, restartCount: 3 });
  const put = (...containerStatuses: object[]) =>
    server.put('/api/v1/namespaces/quarry/pods', { metadata: { name: 'c-0' }, status: { containerStatuses } });
  put(container('provisioner', false));
  expect(await checkSidecars(api, place)).toEqual([
    finding('error', /no container with csi-resizer/),
    finding('error', /provisioner is not ready, after 3 restarts/),
  ]);
  put(container('provisioner'), container('resizer'));
  expect(await checkSidecars(api, place)).toEqual([finding('ok', /provisioner, resizer/)]);
});
