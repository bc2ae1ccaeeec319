import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { nodeCommands, nodeLists, serving } from '../../../plugin/arguments.ts';
import { serveCommands } from '../../../src/cli/commands/serve.ts';
import { commands } from '../../../src/cli/commands.ts';
import { ExecServer } from '../../support/exec-server.ts';
import { type Desk, useDesk } from './harness.ts';

describe('kubectl quarry', () => {
  const at = useDesk();
  let desk: Desk;
  let server: ExecServer;
  const run = (...words: string[]) => desk.run(...words);
  beforeEach(() => {
    desk = at();
    ({ server } = desk);
  });

  test('runs the command in a ready controller, wherever it is, and passes on output and exit code', async () => {
    server.add('waits', { state: 'waiting' });
    server.add('runs', { state: 'running' });
    server.add('goes', { state: 'terminating' });
    server.add('serves');
    server.add('another-program', { namespace: 'elsewhere', ours: false });
    server.add('node', { component: 'node' });
    server.perform = () => ({ stdout: 'NODE\n', stderr: 'the claims are not known\n', code: 1 });
    expect(await run('volumes', '--namespace', 'db', '-o', 'wide')).toEqual({
      code: 1,
      stdout: 'NODE\n',
      stderr: 'the claims are not known\n',
    });
    expect(server.commands).toEqual([
      { pod: 'serves', words: ['quarry', 'volumes', '--namespace', 'db', '-o', 'wide'] },
    ]);
    expect(desk.said).toEqual([]);
  });

  test('asks a controller that is not ready if none is, and says so', async () => {
    server.add('runs', { state: 'running' });
    expect(await run('status')).toMatchObject({ code: 0 });
    expect(desk.said).toEqual(['No controller is ready; runs may not know all nodes yet.']);
  });

  test('asks anew for each result of --watch, and ends with the first failure', async () => {
    server.add('serves');
    server.perform = () => ({ stdout: `${server.commands.length}\n` });
    expect(await run('status', '--watch')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(desk.shown).toEqual(['1\n', '2\n']);
    expect(server.commands.map(({ words }) => words)).toEqual([
      ['quarry', 'status'],
      ['quarry', 'status'],
    ]);
    desk.wanted = 9;
    server.perform = () => ({ code: server.commands.length > 3 ? 2 : 0 });
    expect(await run('status', '--watch')).toMatchObject({ code: 2 });
    expect(desk.shown).toHaveLength(3);
  });

  test('needs no right beyond one namespace if the namespace is named', async () => {
    server.rights.delete('pods');
    server.add('serves');
    await expect(run('status')).rejects.toMatchObject({
      kind: 'precondition',
      message: "you lack the right to list pods in all namespaces: name Quarry's namespace with --namespace",
    });
    expect(await run('--namespace', 'quarry', 'status')).toMatchObject({ code: 0 });
  });

  test.each([
    ['pods in quarry', 'list pods'],
    ['exec in quarry', 'get and create pods/exec'],
  ])('names the missing right if it lacks "%s"', async (right, named) => {
    server.rights.delete(right);
    server.add('serves');
    await expect(run('--namespace', 'quarry', 'status')).rejects.toMatchObject({
      kind: 'precondition',
      message: `you lack the right to ${named} in namespace quarry: docs/guides/kubectl-plugin.md has a Role with it`,
    });
    expect(server.commands).toEqual([]);
  });

  test('chooses among several installations only by name', async () => {
    server.add('one');
    server.add('other', { release: 'spare' });
    await expect(run('status')).rejects.toMatchObject({
      kind: 'invalid',
      message:
        'several installations run: release quarry in namespace quarry, release spare in namespace quarry; choose one with --namespace or --release',
    });
    expect(await run('--release', 'spare', 'status')).toMatchObject({ code: 0 });
    expect(server.commands.map(({ pod }) => pod)).toEqual(['other']);
  });

  test('says why no controller can be asked', async () => {
    await expect(run('status')).rejects.toMatchObject({
      message: 'no controller of Quarry in any namespace: is this the right cluster (--context)?',
    });
    await expect(run('--namespace', 'quarry', 'status')).rejects.toMatchObject({
      message: 'no controller of Quarry in namespace quarry: leave out --namespace to search all',
    });
    server.add('waits', { state: 'waiting' });
    await expect(run('status')).rejects.toMatchObject({
      message: 'no controller runs: quarry/waits is Pending; `kubectl describe pod` has the reason',
    });
  });

  test('does not claim an outcome if the connection breaks', async () => {
    server.add('serves');
    server.perform = () => ({ cut: true });
    await expect(run('orphans', 'delete', 'x', '--yes')).rejects.toMatchObject({
      message: 'the connection ended before the command did; whether it did its work is not known',
    });
  });

  test('tells refused credentials from a server that does not answer', async () => {
    const { url } = server;
    const config = { ...server.kubeconfig, users: [{ name: 'me', user: { token: 'another' } }] };
    await writeFile(desk.file, JSON.stringify(config));
    await expect(run('status')).rejects.toMatchObject({
      message: `the API server ${url} does not accept the credentials of the kubeconfig`,
    });
    await server[Symbol.asyncDispose]();
    await expect(run('status')).rejects.toThrow(`the API server ${url} does not answer: connect ECONNREFUSED`);
    desk.server = await ExecServer.start();
  });

  test.each([
    [['status', '--context', 'here'], '--context comes before the command; see kubectl quarry --help'],
    [['--verbose', 'status'], 'unknown option "--verbose"; see kubectl quarry --help'],
    [['--context', 'there', 'status'], 'the kubeconfig has no context "there" with a cluster; it has here'],
    [['node'], '"node" starts a driver, and kubectl quarry only asks those that run'],
  ])('refuses %j before it asks anything', async (words, message) => {
    await expect(run(...words)).rejects.toMatchObject({ kind: 'invalid', message });
    expect(server.commands).toEqual([]);
  });

  test('knows every command that starts a driver', () => {
    expect(serving).toEqual(serveCommands.map(({ name }) => name));
  });

  test('takes for commands and lists of a node only what they are', () => {
    const onNode = commands.filter(({ where }) => where === 'node' || where === 'here');
    expect(onNode.map(({ name }) => name.split(' ')[0])).toEqual(expect.arrayContaining([...nodeCommands]));
    const lists = onNode.filter(({ fields, name }) => fields !== undefined && !name.includes(' '));
    expect(lists.map(({ name }) => name)).toEqual(expect.arrayContaining([...nodeLists]));
  });

  test('shows its help without words', async () => {
    const { stdout } = await run('--help');
    expect(stdout).toMatch(/^Usage: kubectl quarry /);
  });
});
