import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { CsiClient } from '../support/csi-client.ts';
import { MiB, outcomeOf, untilDone, volumeRequest } from '../support/driver.ts';
import { type LabFleet, type Member, openFleet } from '../support/fleet.ts';
import { capacity, create, listed, made, on, topology } from '../support/fleet-volumes.ts';
import { publishWithoutPod } from '../support/without-pod.ts';

const pools = `
  - name: fast
    volumeGroup: qfast
    type: thick
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic`;

let fleet: LabFleet;
beforeAll(async () => {
  fleet = await openFleet(3, pools);
  await Promise.all(fleet.nodes.map(({ driver }) => driver.ready()));
});
afterAll(() => fleet[Symbol.asyncDispose]());

/** Longer than a controller waits for a message. */
const patience = { timeout: 90_000, interval: 200 };

const all = () => fleet.controllers.map(({ client }) => client);
const node = (index: number): Member => {
  const member = fleet.nodes[index];
  if (!member) throw new Error(`there is no node ${index}`);
  return member;
};
const everywhere = async () => (await Promise.all(fleet.nodes.map(made))).flat().sort();
const whole = () =>
  vi.waitUntil(async () => {
    const capacities = await Promise.all(
      all().flatMap((client) => fleet.nodes.map(({ name }) => capacity(client, name))),
    );
    return capacities.every((bytes) => bytes > 0);
  }, patience);

test('both controllers see all nodes, and a volume is made where it is asked for', async () => {
  await whole();
  const [one, two] = fleet.controllers;
  const before = await capacity(two.client, 'node-2');
  const { volume } = await create(one.client, 'placed', 'node-2');
  expect(volume).toMatchObject({ volumeId: 'node-2:placed', accessibleTopology: [topology('node-2')] });
  expect(await made(node(1))).toEqual(['placed']);
  expect(await listed(one.client)).toEqual(['node-2:placed']);
  // The other controller gets the report, and answers the same call with the same volume.
  await vi.waitUntil(async () => (await capacity(two.client, 'node-2')) === before - 8 * MiB, patience);
  expect((await create(two.client, 'placed', 'node-2')).volume?.volumeId).toBe('node-2:placed');
  expect(await made(node(1))).toEqual(['placed']);
});

test("a controller's command line shows the nodes with their pools and volumes", async () => {
  const [one] = fleet.controllers;
  const asked = async (...words: string[]) =>
    JSON.parse(await one.ask(...words, '-o', 'json')) as Record<string, object[]>;
  await vi.waitUntil(async () => (await asked('volumes')).items?.length === 1, patience);
  const { items } = await asked('volumes');
  expect(items).toEqual([
    expect.objectContaining({ id: 'node-2:placed', node: 'node-2', type: 'thick', conditions: [] }),
  ]);
  const { nodes, pools: shown, attention } = await asked('status');
  expect(nodes).toMatchObject(fleet.nodes.map(({ name }) => ({ node: name, connected: true })));
  expect(shown).toMatchObject(fleet.nodes.map(({ name }) => ({ node: name, pool: 'fast', size: expect.any(Number) })));
  expect(attention).toEqual([]);
});

test('a controller learns that a limit is not in force, with what to do, and that it is no longer wanted', async () => {
  const [{ client }, other] = fleet.controllers;
  const over = { ...on('node-3'), parameters: { readIops: '100' } };
  const volumeId =
    (await client.controller.createVolume(volumeRequest('limited', 8 * MiB, over))).volume?.volumeId ?? '';
  const end = await publishWithoutPod(node(2), volumeId);
  const attention = async () =>
    (JSON.parse(await other.ask('status', '-o', 'json')) as { attention: object[] }).attention;
  await vi.waitUntil(async () => (await attention()).length > 0, patience);
  const message = expect.stringContaining('publish it below the kubelet directory') as string;
  const notice = { node: 'node-3', volume: volumeId, reason: 'LimitNotInForce', message };
  expect(await attention()).toEqual([expect.objectContaining(notice)]);
  await end();
  await vi.waitUntil(async () => (await attention()).length === 0, patience);
  await client.controller.deleteVolume({ volumeId });
});

test('two controllers that get the same calls at once reach one outcome', async () => {
  const names = Array.from({ length: 4 }, (_, index) => `twin-${index}`);
  const both = <T>(call: (client: CsiClient) => Promise<T>) =>
    Promise.all(all().map((one) => untilDone(() => call(one))));
  const made3 = async () => (await made(node(2))).filter((name) => name.startsWith('twin'));
  const answers = await Promise.all(names.map((name) => both((client) => create(client, name, 'node-3'))));
  for (const [index, pair] of answers.entries()) {
    expect(pair.map(({ volume }) => volume?.volumeId)).toEqual([`node-3:twin-${index}`, `node-3:twin-${index}`]);
  }
  expect(await made3()).toEqual(names);
  const ids = names.map((name) => `node-3:${name}`);
  const capacityRange = { requiredBytes: `${12 * MiB}` };
  const grown = await Promise.all(
    ids.map((volumeId) => both(({ controller }) => controller.controllerExpandVolume({ volumeId, capacityRange }))),
  );
  expect(new Set(grown.flat().map(({ capacityBytes }) => capacityBytes))).toEqual(new Set([`${12 * MiB}`]));
  await Promise.all(ids.map((volumeId) => both(({ controller }) => controller.deleteVolume({ volumeId }))));
  expect(await made3()).toEqual([]);
});

test('a volume that was given to another node is there, is used there alone, and is deleted everywhere', async () => {
  const [{ client }, other] = fleet.controllers;
  const [from, to] = [node(0), node(1)];
  await untilDone(() => create(client, 'given', 'node-1'));
  const volumeId = 'node-1:given';
  const tags = (await from.guest.shell('lvs --noheadings -o lv_tags qfast/given')).trim().split(',');
  const added = tags.map((tag) => `--addtag '${tag}'`).join(' ');
  await to.guest.shell(`lvcreate -y -L 8m -n given ${added} qfast`);
  await from.guest.shell('vgchange --addtag quarry.given=node-1:given/node-2 qfast');
  await from.guest.shell('lvchange --deltag quarry.role=volume --addtag quarry.role=superseded qfast/given');
  // A change makes the drivers read LVM, which a person has changed.
  for (const name of ['node-1', 'node-2']) {
    await untilDone(() => create(client, `read-${name}`, name));
    await untilDone(() => client.controller.deleteVolume({ volumeId: `${name}:read-${name}` }));
  }
  const where = async ({ controller }: CsiClient) => {
    const { entries } = await controller.listVolumes({});
    return entries.find(({ volume }) => volume?.volumeId === volumeId)?.volume?.accessibleTopology?.[0]?.segments;
  };
  for (const each of [client, other.client]) {
    await vi.waitUntil(async () => Object.values((await where(each)) ?? {})[0] === 'node-2', patience);
    const { volume } = await each.controller.controllerGetVolume({ volumeId });
    expect(volume?.accessibleTopology).toEqual([topology('node-2')]);
  }
  const volumeCapability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
  const staging = { volumeId, stagingTargetPath: '/tmp/given' };
  for (const { guest } of [from, to]) await guest.shell('mkdir -p /tmp/given');
  const refused = await outcomeOf(from.driver.client.node.nodeStageVolume({ ...staging, volumeCapability }));
  expect(refused).toEqual({ code: 'FAILED_PRECONDITION', details: expect.stringContaining('node-2') as string });
  await to.driver.client.node.nodeStageVolume({ ...staging, volumeCapability });
  const held = await outcomeOf(client.controller.deleteVolume({ volumeId }));
  expect(held).toEqual({ code: 'FAILED_PRECONDITION', details: expect.stringContaining('/tmp/given') as string });
  await to.driver.client.node.nodeUnstageVolume(staging);
  await client.controller.deleteVolume({ volumeId });
  for (const { guest } of [from, to]) {
    expect(await guest.shell('lvs --noheadings -o lv_name qfast; vgs --noheadings -o vg_tags qfast')).not.toContain(
      'given',
    );
  }
  expect((await outcomeOf(client.controller.controllerGetVolume({ volumeId }))).code).toBe('NOT_FOUND');
}, 300_000);

test('a node that is cut off keeps its volumes in the list, offers nothing, and comes back whole', async () => {
  const [{ client }] = fleet.controllers;
  await create(client, 'kept', 'node-3');
  await node(2).guest.setConnected(false);
  await vi.waitUntil(async () => (await capacity(client, 'node-3')) === 0, patience);
  expect(await listed(client)).toContain('node-3:kept');
  const refused = { code: 'UNAVAILABLE', details: expect.stringContaining('node-3') as string };
  expect(await outcomeOf(client.controller.deleteVolume({ volumeId: 'node-3:kept' }))).toEqual(refused);
  expect(await outcomeOf(client.controller.controllerGetVolume({ volumeId: 'node-3:kept' }))).toEqual(refused);
  expect((await outcomeOf(create(client, 'kept', 'node-3'))).code).not.toBe('OK');
  await node(2).guest.setConnected(true);
  await whole();
  expect(await made(node(2))).toEqual(['kept']);
  await client.controller.deleteVolume({ volumeId: 'node-3:kept' });
  expect(await made(node(2))).toEqual([]);
});

/** Tries each controller in turn, as a sidecar's next leader does, until one has done it. */
async function insist<T>(call: (client: CsiClient) => Promise<T>): Promise<T> {
  let turn = 0;
  return untilDone(() => call(all()[turn++ % 2] as CsiClient));
}

test('controllers that are killed in turn under load lose nothing and do nothing twice', async () => {
  const before = await everywhere();
  const names = Array.from({ length: 18 }, (_, index) => `load-${index}`);
  const load = Promise.all(
    names.map((name, index) => insist((client) => create(client, name, `node-${(index % 3) + 1}`))),
  );
  for (const controller of [...fleet.controllers, ...fleet.controllers]) {
    await controller.kill();
    await controller.launch();
    await controller.logged('"msg":"node connected"');
  }
  const ids = (await load).map(({ volume }) => volume?.volumeId ?? '');
  expect(new Set(ids).size).toBe(names.length);
  expect(await everywhere()).toEqual([...before, ...names].sort());
  await Promise.all(ids.map((volumeId) => insist((client) => client.controller.deleteVolume({ volumeId }))));
  expect(await everywhere()).toEqual(before);
});

test('a node listens on no port', async () => {
  const { guest, driver } = node(0);
  const sockets = await guest.shell(`ls -l /proc/${driver.process().pid}/fd`);
  expect(sockets).toContain('socket:[');
  const listening = await guest.shell(`cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "0A" { print $10 }'`);
  expect(listening.split('\n').filter((inode) => inode && sockets.includes(`socket:[${inode}]`))).toEqual([]);
});

test('with every controller gone, a node serves kubelet', async () => {
  for (const controller of fleet.controllers) await controller.kill();
  const { driver } = node(1);
  expect(await driver.client.node.nodeGetInfo({})).toMatchObject({ nodeId: 'node-2' });
  const volumeCapability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
  const staging = { volumeId: 'node-2:placed', stagingTargetPath: '/tmp/placed' };
  await node(1).guest.shell('mkdir -p /tmp/placed');
  await driver.client.node.nodeStageVolume({ ...staging, volumeCapability });
  await driver.client.node.nodeUnstageVolume(staging);
  for (const controller of fleet.controllers) await controller.launch();
  await whole();
});

test('a node whose power is cut amid creates and deletes has each volume once, or not, as asked', async () => {
  const { guest, driver } = node(1);
  const old = Array.from({ length: 5 }, (_, index) => `old-${index}`);
  const fresh = Array.from({ length: 5 }, (_, index) => `fresh-${index}`);
  for (const name of old) await insist((client) => create(client, name, 'node-2'));
  const creates = fresh.map((name) => () => insist((client) => create(client, name, 'node-2')));
  const removes = old.map(
    (name) => () => insist(({ controller }) => controller.deleteVolume({ volumeId: `node-2:${name}` })),
  );
  const work = Promise.all([...creates, ...removes].map((call) => call()));
  await vi.waitUntil(async () => (await made(node(1))).some((name) => name.startsWith('fresh')), patience);
  await guest.powerCut();
  await guest.boot();
  await driver.launch();
  await driver.ready();
  await work;
  expect(await made(node(1))).toEqual([...fresh, 'placed'].sort());
  await whole();
});

test('a clock that is an hour off changes nothing', async () => {
  const { guest, driver } = node(0);
  await guest.shell('date -s "+1 hour"');
  await driver.restart();
  await whole();
  const [{ client }] = fleet.controllers;
  await untilDone(() => create(client, 'late', 'node-1'));
  await untilDone(() => client.controller.deleteVolume({ volumeId: 'node-1:late' }));
  expect(await made(node(0))).toEqual([]);
});

test('certificates of a new authority are taken over while calls go on', async () => {
  const [one, two] = fleet.controllers;
  const renewed = new AbortController();
  const calls = (async () => {
    for (let rounds = 0; !renewed.signal.aborted; rounds += 1) {
      const client = all()[rounds % 2] as CsiClient;
      await create(client, `round-${rounds}`, 'node-3');
      await client.controller.deleteVolume({ volumeId: `node-3:round-${rounds}` });
    }
  })();
  await fleet.renew();
  for (const controller of [one, two]) await controller.logged('"msg":"certificates read again"');
  const reattached = () => fleet.nodes.every(({ driver }) => driver.log().includes('the certificate has changed'));
  await vi.waitUntil(reattached, patience);
  await whole();
  renewed.abort();
  await calls;
  expect(await made(node(2))).toEqual([]);
});
