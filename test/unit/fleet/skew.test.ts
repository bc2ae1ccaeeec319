import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { noQos } from '../../../src/domain/qos.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { loadProtocol } from '../../../src/fleet/wire/protocol.ts';
import { writePool } from '../../../src/fleet/wire/pools.ts';
import { writeSpec, writeVolume } from '../../../src/fleet/wire/volumes.ts';
import { decode, encode, fleet, loadProto } from '../../../src/grpc/load.ts';
import type { LvName, NodeName, VolumeId } from '../../../src/domain/ids.ts';
import type { Volume } from '../../../src/domain/volume.ts';
import { emptyPool, thickSpec } from '../../support/memory-storage.ts';

const protocol = loadProtocol();

/** The protocol as a later version may have it: every message has another field, every oneof another member, every enumeration another value. */
function newer(): protobuf.Root {
  const root = loadProto(fleet);
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

const later = newer();
const laterType = (name: string) => later.lookupType(`${fleet.package}.${name}`);
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
  const records: [string, object][] = [
    ['a volume', { volumes: [{ ...writeVolume(volume), ...laterFields }] }],
    ['a volume of an unknown layout', { volumes: [{ ...writeVolume(volume), layout: { typeFromLater: 'x' } }] }],
    ['a volume of an unknown filesystem', { volumes: [{ ...writeVolume(volume), filesystem: 'later' }] }],
    ['a pool', { pools: [{ ...writePool(emptyPool(spec, 1n << 30n)), ...laterFields }] }],
    ['a pool that is not ready', { unready: { reasons: { fast: 'x' }, ...laterFields } }],
    ['removed records', { removedVolumes: ['a:v'], removedPools: ['fast'], ...laterFields }],
  ];
  test.each(records)('agree on %s', (_, report) => {
    const bytes = encode(laterType('FromNode'), { report: { full: true, ...report, ...laterFields } });
    const message = protocol.fromNode(bytes);
    if (!message.report) throw new Error('no report');
    const inventory = new NodeInventory('a' as NodeName);
    inventory.apply(message.report, 0);
    expect(inventory.inventory?.volumes.size ?? 0).toBe('volumes' in report ? 1 : 0);
    expect(inventory.inventory?.pools.size ?? 0).toBe('pools' in report ? 1 : 0);
  });

  test('skip a kind of message that only the newer knows', () => {
    const message = protocol.fromNode(encode(laterType('FromNode'), { messageFromLater: 'x' }));
    expect(message).toMatchObject({});
    expect(message.report ?? message.reply ?? message.hello ?? message.ping ?? undefined).toBeUndefined();
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
    ['create', { spec: writeSpec({ ...volume, layout: { type: 'thin' }, size: { required: 1n } }) }],
    ['remove', { volume: 'a:v' }],
    ['expand', { volume: 'a:v', size: { required: '1' } }],
    ['modify', { volume: 'a:v', change: {} }],
    ['retain', { volume: 'a:v' }],
  ])('agree on %s', (action, inner) => {
    const command = { id: '1', [action]: { ...inner, ...laterFields }, ...laterFields };
    const message = protocol.toNode(encode(laterType('ToNode'), { command }));
    expect(message.command?.[action as 'find']).toBeTruthy();
  });

  test.each(['welcome', 'cancel', 'pong'])('agree on %s', (kind) => {
    const message = protocol.toNode(encode(laterType('ToNode'), { [kind]: laterFields }));
    expect(message[kind as 'welcome']).toBeTruthy();
  });

  test('agree on a command that only the newer knows: it is unknown, not malformed', () => {
    const message = protocol.toNode(encode(laterType('ToNode'), { command: { id: '1', actionFromLater: 'x' } }));
    expect(message.command?.id).toBe('1');
    expect(message.command?.action).toBeUndefined();
  });

  test('a newer reader takes what the older writes', () => {
    const bytes = protocol.writeFromNode({ report: { full: true, volumes: [writeVolume(volume)] } });
    expect(decode(laterType('FromNode'), bytes)).toMatchObject({ report: { volumes: [{ id: 'a:v' }] } });
  });
});
