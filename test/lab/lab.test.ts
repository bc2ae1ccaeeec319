import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { bootGuest, openLab } from '../../lab/lab.ts';
import { labPaths } from '../../lab/paths.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

describe('programs in a guest', () => {
  const guest = useGuest({ disks: ['1G'] });

  test('return exit code and both streams', async () => {
    const result = await guest().exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    expect(result).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  test('get input, environment and working directory', async () => {
    const result = await guest().exec(['sh', '-c', 'cat; echo "$COLOUR in $PWD"'], {
      input: 'größer\n',
      env: { COLOUR: 'blue' },
      cwd: '/usr/lib',
    });
    expect(result.stdout).toBe('größer\nblue in /usr/lib\n');
  });

  test('return 127 for a missing program, and 128 + N after signal N', async () => {
    expect((await guest().exec(['no-such-program'])).exitCode).toBe(127);
    expect((await guest().exec(['sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
  });

  test('are killed at their deadline, with their children', async () => {
    const late = guest().exec(['sh', '-c', 'sleep 4711 & sleep 4712'], { timeout: 500 });
    await expect(late).rejects.toThrow('no end after 500 ms');
    await guest().exec(['pidwait', '-f', 'sleep 471'], { timeout: 10_000 });
    expect((await guest().exec(['pgrep', '-f', 'sleep 471'])).exitCode).toBe(1);
  });

  test('fail a shell script with its message', async () => {
    await expect(guest().shell('echo before; echo why >&2; false; echo never')).rejects.toThrow(/before\nwhy/);
  });

  test('run for long, are read line by line, and get signals', async () => {
    const script = 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
    const started = await guest().start(['bash', '-c', script]);
    expect(await started.stdout.waitFor(/^rea/)).toBe('ready');
    expect((await guest().exec(['kill', '-0', `${started.pid}`])).exitCode).toBe(0);
    started.kill('SIGTERM');
    expect(await started.exited).toEqual({ exitCode: 5, stdout: 'ready\nbye\n', stderr: expect.any(String) });
  });

  test('find Node 26, the read-only repository, and csi-sanity', async () => {
    expect(await guest().shell(`${GUEST_NODE} -p process.version`)).toMatch(/^v26\./);
    await expect(guest().shell('touch /quarry/x')).rejects.toThrow('Read-only file system');
    await guest().shell('test -x /tools/csi-sanity');
  });

  test('find their disks, and one that is added later', async () => {
    expect(guest().disks).toEqual(['/dev/ubda']);
    expect(await guest().addDisk('2G')).toBe('/dev/ubdb');
    const sizes = await guest().shell('lsblk --bytes --noheadings --nodeps --output NAME,SIZE /dev/ubda /dev/ubdb');
    expect(sizes.split(/\s+/)).toEqual(['ubda', `${2 ** 30}`, 'ubdb', `${2 ** 31}`, '']);
    await guest().shell('pvcreate -q /dev/ubdb && vgcreate -q later /dev/ubdb && vgremove -q later');
  });

  test('listen on unix sockets that the test reaches', async () => {
    const path = await guest().forward('/run/echo.sock');
    await expect(talk(path, 'early')).resolves.toBe('');
    const server = await guest().start(['socat', 'UNIX-LISTEN:/run/echo.sock,fork', 'EXEC:rev']);
    await guest().shell('until [ -S /run/echo.sock ]; do sleep 0.05; done');
    expect(await talk(path, 'quarry\n')).toBe('yrrauq\n');
    expect(await talk(path, 'again\n')).toBe('niaga\n');
    server.kill();
  });
});

describe('a power cut', () => {
  test('keeps disks and root unchanged', async () => {
    await using guest = await bootGuest({ disks: ['1G'] });
    await guest.shell(
      'echo kept | dd of=/dev/ubda bs=512 conv=sync oflag=direct status=none; echo root >/root/x; sync',
    );
    const running = await guest.start(['sleep', '1000']);
    const inFlight = running.exited.catch((error: unknown) => String(error));
    await guest.powerCut();
    expect(await inFlight).toContain('is gone');
    await guest.boot();
    expect(await guest.shell('head -c 5 /dev/ubda; cat /root/x')).toBe('kept\nroot\n');
  });

  test('brings logical volumes back', async () => {
    await using guest = await bootGuest({ disks: ['1G'] });
    await guest.shell(`vgcreate -q vg /dev/ubda && lvcreate -q -T -L 100M -V 1G -n thin vg/pool
      mkfs.ext4 -q /dev/vg/thin && mount /dev/vg/thin /mnt && echo data >/mnt/file && sync`);
    await guest.powerCut();
    await guest.boot();
    expect(await guest.shell('vgchange -q -ay vg >/dev/null && mount /dev/vg/thin /mnt && cat /mnt/file')).toBe(
      'data\n',
    );
  });
});

describe('a kernel with a warning or panic', () => {
  test('fails the end of the guest after a warning', async () => {
    const guest = await bootGuest();
    await guest.shell('echo "<4>WARNING: test" >/dev/kmsg');
    expect(guest.console()).toContain('WARNING: test');
    await expect(guest.shutdown()).rejects.toThrow('WARNING: test');
  });

  test('ends programs and fails the power cut after a panic', async () => {
    const guest = await bootGuest();
    await expect(guest.shell('echo c >/proc/sysrq-trigger')).rejects.toThrow('is gone');
    await expect(guest.powerCut()).rejects.toThrow('Kernel panic');
    await guest.shutdown();
  });
});

test('has cgroup v2 by default, and v1 on demand', async () => {
  await using lab = await openLab();
  const [v2, v1] = await Promise.all([lab.boot(), lab.boot({ cgroup: 'v1' })]);
  expect(await v2.shell('cat /sys/fs/cgroup/cgroup.subtree_control')).toContain('io');
  expect(await v1.shell('ls /sys/fs/cgroup/blkio')).toContain('blkio.throttle.read_iops_device');
});

test('several guests share a network and a folder of the host', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-share-'));
  const shares = [{ host: folder, guest: '/share', writable: true }];
  await using lab = await openLab();
  const [first, second] = await Promise.all([lab.boot({ shares }), lab.boot({ shares, name: 'second' })]);
  await first.shell(`ping -c 1 -W 2 ${second.ip} && echo from-first >/share/file && sync`);
  expect(await readFile(join(folder, 'file'), 'utf8')).toBe('from-first\n');
  expect(await second.shell('cat /share/file; hostname')).toBe('from-first\nsecond\n');
  await second.setConnected(false);
  await expect(first.shell(`ping -c 1 -W 1 ${second.ip}`)).rejects.toThrow('exit code 1');
  await second.setConnected(true);
  await first.shell(`ping -c 5 -i 0.2 -W 2 ${second.ip}`);
  await rm(folder, { recursive: true });
});

test('leaves nothing behind after a test process is killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-killed-'));
  const script = join(folder, 'boots.ts');
  await writeFile(
    script,
    `import { bootGuest } from ${JSON.stringify(join(import.meta.dirname, '../../lab/lab.ts'))};
    const guest = await bootGuest({ disks: ['1G'] });
    await guest.start(['sleep', '1000']);
    process.stdout.write('up\\n');
    setInterval(() => undefined, 1000);`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const traces = async (): Promise<string[]> => {
    const runs = (await readdir(labPaths().runs)).filter((run) => run.startsWith(`${child.pid}-`));
    return [...runs, ...(await processesNaming(`${labPaths().runs}/${child.pid}-`))];
  };
  expect((await traces()).length).toBeGreaterThan(2);
  child.kill('SIGKILL');
  await expect.poll(traces, { timeout: 5000 }).toEqual([]);
  await rm(folder, { recursive: true });
});

/** The answer of a unix socket to `words`, until either side ends. */
async function talk(path: string, words: string): Promise<string> {
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.end(words);
  return text(socket).catch(() => '');
}

/** Ids of the processes with a text in their command line or environment. */
async function processesNaming(words: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const holds = async (id: string): Promise<boolean> => {
    const files = await Promise.all(
      ['cmdline', 'environ', 'mountinfo'].map((file) => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')),
    );
    return files.some((content) => content.includes(words));
  };
  const found = await Promise.all(ids.map(holds));
  return ids.filter((_id, index) => found[index]);
}
