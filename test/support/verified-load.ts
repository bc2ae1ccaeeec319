import type { Guest } from '../../lab/guest.ts';

/** A program that writes into a folder without a pause, all of it with checksums. */
export interface VerifiedLoad {
  /** How many files it has completed, with fsync. */
  completed(): Promise<number>;
  stop(): Promise<void>;
}

const common = 'fio --thread --ioengine=psync --bs=4k --size=512k --verify=crc32c';
/** It is overwritten all the time: each of its blocks is an old or a new one, with a checksum of its own. */
const overwritten = '--name=overwritten --filename=overwritten --verify_header_seed=0';

/** Starts fio in the guest: one overwrites blocks of a file, with a flush after some, and others write one new file after the other. */
export async function startVerifiedLoad(guest: Guest, folder: string): Promise<VerifiedLoad> {
  const completed = async () => Number(await guest.shell(`cat ${folder}.completed`));
  const running = await guest.start([
    'sh',
    '-ec',
    `exec >/dev/null; cd ${folder}
    ${common} ${overwritten} --rw=write --do_verify=0 --end_fsync=1
    ${common} ${overwritten} --rw=randwrite --do_verify=0 --fsync=32 --time_based --runtime=1h &
    for n in $(seq 1 1000); do
      ${common} --name=file --filename=file-$n --rw=randwrite --do_verify=0 --end_fsync=1
      echo $n >${folder}.completed
    done`,
  ]);
  await guest.shell(`until grep -q '[2-9]' ${folder}.completed 2>/dev/null; do sleep 0.05; done`);
  return {
    completed,
    async stop() {
      running.kill('SIGKILL');
      await running.exited;
    },
  };
}

/** Reads the first so many files, and the one that was overwritten, of a copy of the folder; throws if a block is not one that was written. */
export async function verifyLoad(guest: Guest, folder: string, files: number): Promise<void> {
  const numbers = Array.from({ length: files }, (_, index) => index + 1);
  const jobs = numbers.map((n) => `--name=file-${n} --filename=file-${n} --rw=randwrite --verify_only`);
  await guest.shell(`cd ${folder}; exec 2>&1; ls
    ${common} ${jobs.join(' ')} || { echo "of ${files} files"; exit 1; }
    ${common} ${overwritten} --rw=write --verify_only`);
}
