import { beforeEach, describe, expect, test } from 'vitest';
import { type Desk, useDesk } from './harness.ts';

const disk = (device: string, verdict: string, more: object = {}) => ({
  device,
  size: 1_073_741_824,
  pool: 'fast',
  volumeGroup: 'quarry-fast',
  verdict,
  path: device,
  findings: [],
  ...more,
});

describe('kubectl quarry on nodes', () => {
  const at = useDesk();
  let desk: Desk;
  const run = (...words: string[]) => desk.run(...words);
  const ranOn = () => desk.server.commands.map(({ pod, words }) => `${pod}: ${words.slice(1).join(' ')}`).toSorted();
  /** What `quarry disks` lists on each pod. */
  let disks: Record<string, object[]>;

  beforeEach(() => {
    desk = at();
    const { server } = desk;
    server.add('controller');
    server.add('on-b', { component: 'node', node: 'b' });
    server.add('on-a', { component: 'node', node: 'a' });
    disks = {
      'on-a': [disk('/dev/sda', 'member'), disk('/dev/sdb', 'proposed')],
      'on-b': [disk('/dev/sdb', 'proposed')],
    };
    server.perform = (words, pod) => {
      if (words[2] === 'approve') return {};
      return { stdout: words.includes('json') ? JSON.stringify({ items: disks[pod] }) : `DISKS\n${pod}\n` };
    };
  });

  test.each(['disks', 'qos', 'jobs', 'hung'])(
    'shows the %s of all nodes, in the order of their names',
    async (list) => {
      const { code, stdout } = await run(list);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'a:\n  DISKS\n  on-a\n\nb:\n  DISKS\n  on-b\n' });
      expect(ranOn()).toEqual([`on-a: ${list}`, `on-b: ${list}`]);
    },
  );

  test('joins the lists for programs, with the node of each item, and keeps every digit', async () => {
    const large = '18446744073709551615';
    desk.server.perform = (_, pod) => ({ stdout: `{"items":[{"pod":"${pod}","size":${large}}]}` });
    const { stdout } = await run('disks', '-o', 'json');
    expect(stdout.replaceAll(/\s/g, '')).toBe(
      `{"items":[{"node":"a","pod":"on-a","size":${large}},{"node":"b","pod":"on-b","size":${large}}]}`,
    );
    const yaml = await run('disks', '--output=yaml');
    expect(yaml.stdout).toMatch(/^items:\n {2}- node: a\n {4}pod: on-a\n/);
  });

  test('shows what the other nodes say, and fails, if a node cannot be asked', async () => {
    desk.server.add('on-c', { component: 'node', node: 'c', state: 'waiting' });
    desk.server.perform = (_, pod) =>
      pod === 'on-b' ? { code: 1, stderr: 'no driver answers\n' } : { stdout: 'JOBS\n' };
    expect(await run('jobs')).toEqual({
      code: 1,
      stdout: 'a:\n  JOBS\n',
      stderr: 'node b: no driver answers\nnode c: pod on-c does not run (Pending)\n',
    });
  });

  test('asks the pod that runs while a node has two', async () => {
    desk.server.add('old-on-a', { component: 'node', node: 'a', state: 'terminating' });
    await run('--node', 'a', 'qos');
    expect(ranOn()).toEqual(['on-a: qos']);
  });

  test('asks the nodes that are named or that have the labels', async () => {
    await run('--node', 'b', 'qos');
    expect(ranOn()).toEqual(['on-b: qos']);
    await expect(run('--selector', 'disks=fast', 'qos')).rejects.toMatchObject({
      message: 'you lack the right to list nodes in all namespaces: name the nodes with --node',
    });
    desk.server.rights.add('nodes');
    desk.server.nodes.set('a', 'disks=fast').set('b', '');
    await run('--selector', 'disks=fast', 'jobs');
    expect(ranOn()).toEqual(['on-a: jobs', 'on-b: qos']);
    await expect(run('--node', 'c', '--node', 'a', 'qos')).rejects.toMatchObject({
      message: 'no driver on node c; it runs on a, b',
    });
  });

  test('runs a command that works on one node there, and asks for its name', async () => {
    await expect(run('calibrate', 'fast')).rejects.toMatchObject({
      message: '"calibrate fast" works on one node: name it with --node, before the command',
    });
    await expect(run('disks', 'remove', '/dev/sdb')).rejects.toMatchObject({ kind: 'invalid' });
    expect(desk.server.commands).toEqual([]);
    await run('--node', 'b', 'calibrate', 'fast');
    expect(ranOn()).toEqual(['on-b: calibrate fast']);
  });

  test('adopts on the node that is named, and says how to give it a PersistentVolume', async () => {
    await expect(run('adopt', 'vg0/data')).rejects.toMatchObject({
      message: '"adopt vg0/data" works on one node: name it with --node, before the command',
    });
    await expect(run('--node', 'b', 'adopt', 'vg0/data', '--persistent-volume=pv.yaml')).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(
        /kubectl get pv NAME -o yaml \| kubectl exec -i .* --persistent-volume \/dev\/stdin$/,
      ) as string,
    });
    expect(desk.server.commands).toEqual([]);
    await run('--node', 'b', 'adopt', 'vg0/data', '--apply');
    expect(ranOn()).toEqual(['on-b: adopt vg0/data --apply']);
  });

  describe('disks approve', () => {
    test('shows what would be taken, and takes nothing', async () => {
      const { code, stdout } = await run('disks', 'approve');
      expect(code).toBe(0);
      expect(stdout).toBe(
        [
          'NODE  DEVICE    SIZE   POOL',
          'a     /dev/sdb  1 GiB  fast',
          'b     /dev/sdb  1 GiB  fast',
          '',
          'Nothing was taken. With --yes, 2 disks of 2 nodes would be taken for the pools.',
          '',
        ].join('\n'),
      );
      expect(ranOn()).toEqual(['on-a: disks -o json', 'on-b: disks -o json']);
    });

    test('takes the disks that it shows, by name, and no others', async () => {
      disks['on-a']?.push(disk('/dev/sdc', 'refused'));
      const { code, stdout } = await run('disks', 'approve', '--yes');
      expect({ code, end: stdout.split('\n').at(-2) }).toEqual({ code: 0, end: 'Taken: 2 disks of 2 nodes.' });
      expect(ranOn().filter((line) => line.includes('approve'))).toEqual([
        'on-a: disks approve /dev/sdb',
        'on-b: disks approve /dev/sdb',
      ]);
    });

    test('takes a named disk on the nodes that propose it', async () => {
      disks['on-b'] = [disk('/dev/sdd', 'proposed', { path: '/dev/disk/by-id/d' })];
      await run('disks', 'approve', '/dev/disk/by-id/d', '--yes');
      expect(ranOn().filter((line) => line.includes('approve'))).toEqual(['on-b: disks approve /dev/sdd']);
    });

    test.each([
      [['/dev/sda', '/dev/sdb'], 'proposed on none of the nodes: /dev/sda; nothing was taken'],
      [['--all', '/dev/sdb'], 'disks approve: give disks or --all, not both; see kubectl quarry --help'],
    ])('takes nothing for %j', async (names, message) => {
      await expect(run('disks', 'approve', ...names, '--yes')).rejects.toMatchObject({ message });
      expect(ranOn().filter((line) => line.includes('approve'))).toEqual([]);
    });

    test('takes nothing unless every node answers', async () => {
      desk.server.add('on-c', { component: 'node', node: 'c', state: 'waiting' });
      await expect(run('disks', 'approve', '--yes')).rejects.toThrow('not every node answered; nothing was taken');
      expect(ranOn().filter((line) => line.includes('approve'))).toEqual([]);
    });

    test('says on which node a disk was not taken', async () => {
      const { perform } = desk.server;
      desk.server.perform = (words, pod) =>
        words[2] === 'approve' && pod === 'on-a' ? { code: 1, stderr: 'quarry: not blank' } : perform(words, pod);
      const { code, stdout, stderr } = await run('disks', 'approve', '--yes');
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'node a: quarry: not blank\n' });
      expect(stdout).toContain('\nTaken: 1 disk of 1 node.\n');
    });

    test('says that no disk is proposed', async () => {
      disks = { 'on-a': [disk('/dev/sda', 'member')], 'on-b': [] };
      expect(await run('disks', 'approve', '--all', '--yes')).toMatchObject({
        code: 0,
        stdout: 'No disk is proposed.\n',
      });
    });
  });
});
