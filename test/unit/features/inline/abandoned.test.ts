import { beforeEach, expect, test } from 'vitest';
import { createLocks } from '../../../../src/concurrency/locks.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import { parseInlineHandle } from '../../../../src/domain/ids.ts';
import { type AbandonedOptions, removeAbandoned } from '../../../../src/features/inline/abandoned.ts';
import { memoryLog } from '../../grpc/harness.ts';
import { FakeNode, GiB } from '../../node/fake-node.ts';

const { signal } = new AbortController();
const targetOf = (pod: string): string => `/kubelet/pods/${pod}/volumes/kubernetes.io~csi/scratch/mount`;
const handleOf = (digit: string) => parseInlineHandle(`csi-${digit.repeat(64)}`) as NonNullable<Handle>;
type Handle = ReturnType<typeof parseInlineHandle>;

let fake: FakeNode;
let gone: Set<string>;
let options: AbandonedOptions;
let messages: () => string[];

beforeEach(async () => {
  fake = new FakeNode();
  gone = new Set();
  const { log, lines } = memoryLog();
  messages = () => lines.map(({ message }) => message);
  const stateOf = async (target: string) => (gone.has(target) ? ('gone' as const) : ('present' as const));
  const { inline: volumes, devices } = fake.tools;
  options = { volumes, devices, stateOf, locks: createLocks(), log };
  for (const pod of ['1', '2']) {
    await volumes.create(
      {
        handle: handleOf(pod),
        parameters: { mkfsOptions: [], qos: { limits: {}, reservations: {}, enforcement: undefined } },
        size: { required: GiB },
        inline: { pod: { uid: pod, namespace: 'default', name: 'worker' }, target: targetOf(pod) },
      },
      signal,
    );
  }
});

const left = (): string[] => fake.tools.inline.list().map(({ inline }) => inline?.pod.uid ?? '');

test('removes the volumes of pods that are gone, and no other', async () => {
  gone.add(targetOf('1'));
  await removeAbandoned(options, signal);
  expect(left()).toEqual(['2']);
  expect(messages()).toEqual(['an inline volume was removed because its pod is gone']);
});

test('leaves a volume alone that is in use or whose pod is unknown, and goes on with the next', async () => {
  const [first] = fake.tools.inline.list();
  await fake.tools.filesystems.make({ volume: first as never, device: `/dev/mapper/vg-${first?.lv}` }, 'ext4', false);
  await fake.tools.mounts.mount(`/dev/mapper/vg-${first?.lv}`, '/elsewhere', 'ext4', []);
  gone.add(targetOf('1')).add(targetOf('2'));
  await removeAbandoned(options, signal);
  expect(left()).toEqual(['1']);
  const unknown = () => Promise.reject(new Failure('unavailable', 'cannot be seen'));
  await removeAbandoned({ ...options, stateOf: unknown }, signal);
  expect(left()).toEqual(['1']);
  expect(messages().filter((message) => message === 'an inline volume was left alone')).toHaveLength(2);
});

test('leaves a volume to the call that works on it, and to kubelet if that made the folder again', async () => {
  gone.add(targetOf('1'));
  await options.locks.hold(handleOf('1'), 'NodePublishVolume', () => removeAbandoned(options, signal));
  const states = ['gone', 'present', 'present'] as const;
  let looks = 0;
  await removeAbandoned({ ...options, stateOf: async () => states[looks++] ?? 'present' }, signal);
  expect(left()).toEqual(['1', '2']);
  expect(messages()).toEqual([]);
});
