import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { noQos } from '../../../src/domain/qos.ts';
import { attached, controller, memberOf, never, nodeCertificate } from './harness.ts';
import { Peer } from './peer.ts';

/**
 * Version 1 of the protocol by its numbers on the wire, as nodes that are not upgraded yet will use it: this test may be extended, and
 * never changed.
 */
function field(number: number, value: string | bigint | boolean | Uint8Array): Uint8Array {
  const writer = protobuf.Writer.create();
  if (typeof value === 'string')
    return writer
      .uint32((number << 3) | 2)
      .string(value)
      .finish();
  if (typeof value === 'bigint')
    return writer
      .uint32(number << 3)
      .uint64(String(value))
      .finish();
  if (typeof value === 'boolean')
    return writer
      .uint32(number << 3)
      .bool(value)
      .finish();
  return writer
    .uint32((number << 3) | 2)
    .bytes(value)
    .finish();
}
const message = (...fields: Uint8Array[]): Buffer => Buffer.concat(fields);

const hello = message(
  field(1, 1n),
  field(2, 1n),
  field(3, 'lvm.quarry.csi'),
  field(4, '0.1.0'),
  field(5, 'a'),
  field(6, 'instance-1'),
);
const thick = field(2, message(field(1, 1n), field(2, 65_536n)));
const volume = message(
  field(1, 'a:pvc-1'),
  field(2, 'pvc-1'),
  field(3, 'fast'),
  field(4, 'vg'),
  field(5, 'pvc-1'),
  field(6, 8_388_608n),
  field(7, thick),
  field(8, 'ext4'),
);
const pool = message(
  field(1, 'fast'),
  field(2, 'vg'),
  field(3, 1n),
  field(4, 65_536n),
  field(9, 4_194_304n),
  field(10, 1_073_741_824n),
  field(11, 1_065_353_216n),
  field(12, 1_065_353_216n),
  field(13, 33_554_432n),
  field(14, 16_777_216n),
);
/** A field that no version has, as a newer node would send. */
const strange = field(1000, 'from the future');
const record = (kind: string, key: string, payload: Uint8Array) =>
  field(3, message(field(1, kind), field(2, key), field(3, payload)));
const report = message(
  field(1, true),
  record('volume', 'a:pvc-1', message(volume, strange)),
  record('pool', 'fast', pool),
  record('node', '', message(field(1, 'fast'))),
  record('from the future', 'a:pvc-1', strange),
  strange,
);

test('a node of version 1 reports its volumes and serves calls', async () => {
  const running = await controller();
  const peer = new Peer(running.port, { certified: nodeCertificate('a') });
  peer.raw(message(field(1, hello), strange));
  await peer.until('welcome');
  peer.raw(message(field(5, report)));
  const member = await attached(running, 'a');
  expect(member.storage.inventory()).toMatchObject({
    volumes: new Map([
      [
        'a:pvc-1',
        expect.objectContaining({
          size: 8_388_608n,
          layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 },
          filesystem: 'ext4',
          state: 'ready',
        }),
      ],
    ]),
    pools: new Map([['fast', expect.objectContaining({ free: 1_065_353_216n, deviceFree: [1_065_353_216n] })]]),
    defaultPool: 'fast',
  });

  const removal = member.storage.remove('a:pvc-1' as never, never);
  const call = await peer.until('call');
  expect(call).toMatchObject({ id: '1', method: 'quarry.node.v1.Volumes/Remove' });
  expect(call.payload).toEqual(message(field(1, 'a:pvc-1')));
  peer.raw(message(field(5, message(field(4, message(field(1, 'volume'), field(2, 'a:pvc-1')))))));
  peer.raw(message(field(4, message(field(1, 1n), field(2, new Uint8Array())))));
  await removal;
  expect(member.storage.inventory().volumes.size).toBe(0);

  // The controller skips the fields that it does not know.
  peer.raw(message(strange));
  peer.raw(message(field(3, message(field(1, 5000n)))));
  await peer.until('pong');
  expect(memberOf(running, 'a')?.connected).toBe(true);
});

test('a node that also knows newer versions is accepted with the newest that both know', async () => {
  const running = await controller();
  const peer = new Peer(running.port, { certified: nodeCertificate('a') });
  peer.raw(message(field(1, message(hello, field(2, 7n)))));
  expect(await peer.until('welcome')).toMatchObject({ version: 1 });
});

test('a node that does not know erasing makes no volume that counts as erased', async () => {
  const running = await controller();
  const peer = new Peer(running.port, { certified: nodeCertificate('a') });
  peer.raw(message(field(1, hello)));
  await peer.until('welcome');
  peer.raw(message(field(5, report)));
  const member = await attached(running, 'a');
  const layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 } as const;
  const spec = { name: 'pvc-1', pool: 'fast' as never, layout, size: { required: 1n }, mkfsOptions: [], qos: noQos };
  const creation = member.storage.create({ ...spec, erase: 'zero' }, never);
  await peer.until('call');
  peer.raw(message(field(4, message(field(1, 1n), field(2, message(field(1, volume)))))));
  await expect(creation).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('upgrade it') });
});
