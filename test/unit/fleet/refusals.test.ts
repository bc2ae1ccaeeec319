import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { attached, controller, memberOf, nodeCertificate, disconnected } from './harness.ts';
import { expectRefused, intrude, lie } from './intruder.ts';
import { attachedPeer, hello, Peer } from './peer.ts';
import { report } from './report.ts';

const volume = { id: 'a:pvc-1', name: 'pvc-1', pool: 'fast', group: 'vg', lv: 'pvc-1', layout: { thin: {} } };

describe('a node with a valid certificate is refused that', () => {
  test('names another node', async () => {
    const running = await controller();
    const peer = intrude(running.port, { certified: nodeCertificate('b') });
    expect(await peer.ended).toEqual({
      code: status.PERMISSION_DENIED,
      details: 'the credential is that of node b, not of "a"',
    });
    await expectRefused(running, 'identity');
  });

  test('reports where a volume of another node went', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    peer.send(report({ given: [{ volume: 'b:pvc-1', to: 'a' }] }));
    expect(await peer.ended).toEqual({
      code: status.INVALID_ARGUMENT,
      details: 'node a has no volume b:pvc-1 to give',
    });
    await disconnected(running, 'a');
    expect(memberOf(running, 'a')?.storage.inventory().given.size).toBe(0);
    expect(memberOf(running, 'b')).toBeUndefined();
  });

  test('is of another driver', async () => {
    const running = await controller();
    const peer = intrude(running.port, { certified: nodeCertificate('a') }, { ...hello, driver: 'other.csi' });
    expect(await peer.ended).toMatchObject({ code: status.FAILED_PRECONDITION });
    await expectRefused(running, 'driver');
  });

  test('knows none of our versions, and gets them in the status', async () => {
    const running = await controller();
    const versions = { oldestVersion: 7, newestVersion: 9, driverVersion: '8.1.0' };
    const peer = intrude(running.port, { certified: nodeCertificate('a') }, { ...hello, ...versions });
    expect(await peer.ended).toEqual({
      code: status.FAILED_PRECONDITION,
      details: 'the node (Quarry 8.1.0) knows versions 7 to 9 of the protocol, this controller 1 to 1',
    });
    await expectRefused(running, 'version');
  });

  test.each([
    ['no greeting', (peer: Peer) => peer.send(lie)],
    ['bytes that are no message', (peer: Peer) => peer.raw(Buffer.from([0x0a, 0xff, 0xff]))],
    ['a greeting without an instance', (peer: Peer) => peer.send({ hello: { ...hello, instance: '' } })],
  ])('sends %s', async (_, begin) => {
    const running = await controller();
    const peer = new Peer(running.port, { certified: nodeCertificate('a') });
    begin(peer);
    expect(await peer.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    await expectRefused(running, 'malformed');
  });

  test.each([
    ['greets twice', { hello }],
    ['reports changes without a full report', report({ removedVolumes: ['no id'] })],
    ['reports a volume with a name that is too long', report({ volumes: [{ ...volume, name: 'x'.repeat(129) }] })],
    ['reports a volume that LVM cannot have', report({ volumes: [{ ...volume, lv: '../x' }] })],
    [
      'reports a volume with options that are too long',
      report({ volumes: [{ ...volume, mkfsOptions: ['x'.repeat(5000)] }] }),
    ],
    ['reports an impossible pool', report({ pools: [{ name: 'fast', group: 'vg', stripes: 0 }] })],
    [
      'reports a pool whose figures are no numbers',
      report({
        pools: [{ name: 'fast', group: 'vg', stripes: 1, extentSize: '4', thinPool: { dataPercent: Number.NaN } }],
      }),
    ],
  ])('%s', async (_, message) => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    peer.send(message);
    expect(await peer.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    await disconnected(running, 'a');
    expect(running.server.refused().get('malformed')).toBe(1);
  });
});
