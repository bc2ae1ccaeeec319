import { readdir, readFile, readlink } from 'node:fs/promises';

const shown = 5;

/**
 * Processes with a file, directory or root below the path, as `name (pid)`; a few, for a message. What cannot be read, or lives
 * in another pid namespace, is left out: the answer is a hint, never a decision.
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
