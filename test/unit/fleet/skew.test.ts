import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { noQos } from '../../../src/domain/qos.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { writePool } from '../../../src/fleet/wire/pools.ts';
import { writeSpec, writeVolume } from '../../../src/fleet/wire/volumes.ts';
import { decode, encode, fleet, loadProto, nodePools, nodeVolumes } from '../../../src/grpc/load.ts';
import type { LvName, NodeName, VolumeId } from '../../../src/domain/ids.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import { protocol } from './report.ts';
import { emptyPool, thickSpec } from '../../support/memory-storage.ts';

/** The protocol as a later version may have it: every message has another field, every oneof another member, every enumeration another value. */
function newer(of: typeof fleet): protobuf.Root {
  const root = loadProto(of);
  const walk = (parent: protobuf.NamespaceBase): void => {
    for (const object of parent.nestedArray) {
      if (object instanceof protobuf.Enum) object.add('FROM_LATER', 99);
      if (!(object instanceof protobuf.Type)) {
        if (object instanceof protobuf.Namespace) walk(object);
        continue;
      }
      object.add(new protobuf.Field('fromLater', 1000, 'string'));
      object.add(new protobuf.Field('manyFromLater', 1001, 'uint64', 'repeated'));
      for (const [index, oneof] of object.oneofsArray.entries()) {
        if (!oneof.name.startsWith('_'))
          oneof.add(new protobuf.Field(`${oneof.name}FromLater`, 1100 + index, 'string'));
      }
      walk(object);
    }
  };
  walk(root);
  root.resolveAll();
  return root;
}

const [later, laterVolumes, laterPools] = [newer(fleet), newer(nodeVolumes), newer(nodePools)];
const laterType = (name: string) => later.lookupType(`${fleet.package}.${name}`);
const laterVolume = (name: string) => laterVolumes.lookupType(`${nodeVolumes.package}.${name}`);
const laterPool = (name: string) => laterPools.lookupType(`${nodePools.package}.${name}`);
const laterFields = { fromLater: 'x', manyFromLater: ['1', '2'] };

const spec = thickSpec('fast');
const volume: Volume = {
  id: 'a:v' as VolumeId,
  node: 'a' as NodeName,
  name: 'v',
  pool: spec.name,
  group: spec.group,
  lv: 'v' as LvName,
  size: 4096n,
  layout: { type: 'thin' },
  filesystem: 'none',
  mkfsOptions: [],
  qos: noQos,
  state: 'ready',
};

describe('an older controller and a newer node', () => {
  const [aVolume, aPool] = [
    { kind: 'volume', key: 'a:v' },
    { kind: 'pool', key: 'fast' },
  ];
  const volumeWith = (message: object) => ({ ...aVolume, payload: encode(laterVolume('Volume'), message) });
  const records: [string, object[], { volumes?: number; pools?: number; unready?: number }][] = [
    ['a volume', [volumeWith({ ...writeVolume(volume), ...laterFields })], { volumes: 1 }],
    [
      'a volume of an unknown layout',
      [volumeWith({ ...writeVolume(volume), layout: { typeFromLater: 'x' } })],
      { volumes: 1 },
    ],
    [
      'a volume of an unknown filesystem',
      [volumeWith({ ...writeVolume(volume), filesystem: 'later' })],
      { volumes: 1 },
    ],
    [
      'a volume with an unknown limit',
      [volumeWith({ ...writeVolume(volume), qos: { limits: { readIops: { rateFromLater: 'x' } } } })],
      { volumes: 1 },
    ],
    [
      'a pool',
      [{ ...aPool, payload: encode(laterPool('Pool'), { ...writePool(emptyPool(spec, 1n << 30n)), ...laterFields }) }],
      { pools: 1 },
    ],
    [
      'a pool that is not ready',
      [
        {
          kind: 'unready-pool',
          key: 'fast',
          payload: encode(laterPool('UnreadyPool'), { reason: 'x', ...laterFields }),
        },
      ],
      { unready: 1 },
    ],
    ['facts of the node', [{ kind: 'node', payload: encode(laterPool('Node'), laterFields) }], {}],
    ['a record of an unknown kind', [{ kind: 'from-later', key: 'x', payload: Buffer.from([0xff]) }], {}],
    ['a record of a kind that is a name of JavaScript', [{ kind: 'constructor', payload: Buffer.from([0xff]) }], {}],
  ];
  const removed = ['volume', 'pool', 'unready-pool', 'node', 'from-later'].map((kind) => ({
    kind,
    key: kind === 'volume' ? 'a:w' : 'w',
  }));
  test.each(records)('agree on %s', (_, sent, { volumes = 0, pools = 0, unready = 0 }) => {
    const all = sent.map((record) => ({ ...record, ...laterFields }));
    const bytes = encode(laterType('FromNode'), { records: { full: true, records: all, removed, ...laterFields } });
    const message = protocol.fromNode(bytes);
    if (!message.records) throw new Error('no report');
    const inventory = new NodeInventory('a' as NodeName, protocol.records);
    inventory.apply(message.records, 0);
    expect(inventory.inventory?.volumes.size).toBe(volumes);
    expect(inventory.inventory?.pools.size).toBe(pools);
    expect(inventory.inventory?.unready.size).toBe(unready);
  });

  test('skip a kind of message that only the newer knows', () => {
    const message = protocol.fromNode(encode(laterType('FromNode'), { messageFromLater: 'x' }));
    expect(message).toMatchObject({});
    expect(message.records ?? message.reply ?? message.hello ?? message.ping ?? undefined).toBeUndefined();
  });

  test.each(['hello', 'credential', 'ping', 'reply'])('agree on %s', (kind) => {
    const inner = kind === 'reply' ? { id: '1', error: { kind: 'FROM_LATER', message: 'm', ...laterFields } } : {};
    const message = protocol.fromNode(encode(laterType('FromNode'), { [kind]: { ...inner, ...laterFields } }));
    expect(message[kind as 'hello']).toBeTruthy();
  });
});

describe('a newer controller and an older node', () => {
  test.each([
    ['find', { volume: 'a:v' }],
    [
      'create',
      { spec: writeSpec({ ...volume, encryption: undefined, layout: { type: 'thin' }, size: { required: 1n } }) },
    ],
    ['remove', { volume: 'a:v' }],
    ['expand', { volume: 'a:v', size: { required: '1' } }],
    ['modify', { volume: 'a:v', change: {} }],
    ['retain', { volume: 'a:v' }],
  ])('agree on %s', (action, inner) => {
    const method = protocol.volumes.find(({ key }) => key === action);
    const payload = encode(laterVolume(`${method?.name}Request`), { ...inner, ...laterFields });
    const call = { id: '1', method: method?.path, payload, ...laterFields };
    const message = protocol.toNode(encode(laterType('ToNode'), { call }));
    expect(method?.readRequest(message.call?.payload ?? Buffer.alloc(0))).toMatchObject(inner);
  });

  test.each(['welcome', 'cancel', 'credit', 'pong'])('agree on %s', (kind) => {
    const message = protocol.toNode(encode(laterType('ToNode'), { [kind]: laterFields }));
    expect(message[kind as 'welcome']).toBeTruthy();
  });

  test('agree on a message that only the newer knows: it is skipped', () => {
    const message = protocol.toNode(encode(laterType('ToNode'), { messageFromLater: 'x' }));
    expect(message.welcome ?? message.call ?? message.credit ?? message.cancel ?? undefined).toBeUndefined();
  });

  test('a newer reader reads the messages of an older writer', () => {
    const { payload } = protocol.records.write('volume', 'a:v', writeVolume(volume));
    expect(decode(laterVolume('Volume'), payload as Buffer)).toMatchObject({ id: 'a:v' });
  });
});
