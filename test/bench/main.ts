/**
 * `npm run bench`: the driver compared with the bare commands, in one guest; `npm run bench -- encryption`: encrypted volumes, likewise; `npm run bench -- snapshots`: snapshots and
 * clones; `npm run bench -- scale`: a controller with thousands of nodes; `npm run bench -- cluster`: on Kubernetes; `npm run bench -- loads`: only writes under snapshots, and `npm run bench -- starts`: only starts of the driver, both of which it prints. `--check` exits with 1 when a target is missed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleDriver } from '../../bundle.ts';
import { bootGuest } from '../../lab/lab.ts';
import { benchCluster } from './cluster/main.ts';
import { benchScale } from './scale.ts';
import { ofEncryption, ofSnapshots, publish, toMarkdown } from './report.ts';
import type { Figure } from './sampling.ts';

const config = `
node: bench
log: { level: debug }
jobs: { copyRate: 1Ti }
pools:
  - name: bench
    volumeGroup: quarry-bench
    type: thin
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic
    thin: { share: 50%, overprovision: 10 }
`;

const rounds = process.argv.slice(2).filter((word) => /^[0-9]+$/.test(word));

const reasons = JSON.parse(await readFile(join(import.meta.dirname, 'reasons.json'), 'utf8')) as Record<string, string>;
await bundleDriver();
const misses = await measure();
if (process.argv.includes('--check') && misses.length > 0) process.exitCode = 1;

function measure(): Promise<readonly Figure[]> {
  if (process.argv.includes('scale')) return benchScale(reasons);
  return process.argv.includes('cluster')
    ? benchCluster(reasons, rounds[0] === undefined ? undefined : Number(rounds[0]))
    : benchGuest();
}

/** Returns the figures whose target is missed. */
async function benchGuest(): Promise<readonly Figure[]> {
  const part = ['encryption', 'loads', 'snapshots', 'starts'].find((word) => process.argv.includes(word));
  const words = [...(part === undefined ? [] : [part]), ...rounds];
  await using guest = await bootGuest({ disks: ['40G', '40G'], memory: '2048M' });
  await guest.shell(`mkdir -p /etc/quarry && cat > /etc/quarry/config.yaml <<'END'\n${config}END`);
  const bench = await guest.start(['/quarry/node_modules/.bin/node', '/quarry/test/bench/guest.ts', ...words]);
  bench.stderr.onText((text) => process.stderr.write(text));
  const { exitCode, stdout } = await bench.exited;
  if (exitCode !== 0) throw new Error(`the measuring program ended with exit code ${exitCode}`);
  const figures = JSON.parse(stdout) as Figure[];
  if (part === 'loads' || part === 'starts') return [];
  if (part === 'encryption') return publish('benchmarks-encryption', figures, ofEncryption(figures));
  if (part === 'snapshots') return publish('benchmarks-snapshots', figures, ofSnapshots(figures, reasons));
  return publish('benchmarks', figures, toMarkdown(figures, reasons));
}
