import { readdir, readFile, readlink } from 'node:fs/promises';

const shown = 5;

/**
 * Up to a few processes with a file, directory or root below the path, as `name (pid)`, for a message. Leaves out processes that it
 * cannot read or that are in another pid namespace, so decide nothing by it.
 */
export async function holdersOf(path: string, proc = '/proc'): Promise<string[]> {
  const holders: string[] = [];
  for (const pid of await readdir(proc).catch(() => [])) {
    if (holders.length === shown) break;
    if (!/^\d+$/.test(pid)) continue;
    if (!(await holds(`${proc}/${pid}`, path))) continue;
    const name = await readFile(`${proc}/${pid}/comm`, 'utf8').catch(() => '?');
    holders.push(`${name.trim()} (${pid})`);
  }
  return holders;
}

async function holds(process: string, path: string): Promise<boolean> {
  const files = await readdir(`${process}/fd`).catch(() => []);
  const links = ['cwd', 'root', ...files.map((file) => `fd/${file}`)];
  const places = await Promise.all(links.map((link) => readlink(`${process}/${link}`).catch(() => '')));
  return places.some((place) => place === path || place.startsWith(`${path}/`));
}
