import { fileOf } from './content.ts';
import type { Volume } from './model.ts';
import { pathsOf, type Site } from './site.ts';

/** After the regions. */
const offset = 192;
const blockSize = 4096;

/** Where a volume that is published has the number. */
function numberFile(volume: Volume): string {
  return fileOf(volume, pathsOf(volume).target);
}

/**
 * Writes the same rising number to the first and then to the second volume, each on the disk before the next, until it is stopped. Resolves
 * when both have one.
 */
export async function writeInOrder({ guest }: Site, [first, second]: readonly [Volume, Volume]) {
  const [a, b] = [numberFile(first), numberFile(second)];
  const writer = await guest.start([
    'bash',
    '-c',
    `put() { printf '%016d' "$2" | dd of="$1" bs=${blockSize} seek=${offset} conv=notrunc,fsync,sync status=none; }
    number=$(dd if="${a}" bs=${blockSize} skip=${offset} count=1 status=none | tr -cd 0-9)
    number=$((10#0\${number:0:17}))
    while put "${b}" $number; do
      echo written
      number=$((number + 1))
      put "${a}" $number || exit
    done`,
  ]);
  await writer.stdout.waitFor('written', 60_000);
  return {
    async stop(): Promise<void> {
      writer.kill('SIGKILL');
      await writer.exited.catch(() => undefined);
    },
  };
}

/** The number in a volume that is published; 0 where there is none. */
export async function readNumber({ guest }: Site, volume: Volume): Promise<number> {
  const text = await guest.shell(
    `if [ -e ${numberFile(volume)} ]; then dd if=${numberFile(volume)} bs=${blockSize} skip=${offset} count=1 status=none | tr -cd 0-9; fi`,
  );
  return Number(text.slice(0, 16) || 0);
}

/** The first volume gets each number before the second. */
export function orderProblems(group: string, [first, second]: readonly [number, number]): string[] {
  if (first === second || first === second + 1) return [];
  return [`${group} has write ${first} of one volume and write ${second} of the other: no moment had both`];
}
