/**
 * `npm run nightly -- --minutes N`: every tool that tries to break Quarry, for its share of the time, each with new seeds. Records
 * what was done in docs/proof.json and docs/explanation/proof.md, and seeds that failed in test/seeds.json, which `npm test` plays. Begins with promtool's tests of the alert rules.
 * `--tools storm,fuzz`: only these; `--record FILE`: records instead what a tool wrote with `--tally FILE`. Exit code 1: something was found.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatePages } from '../../docs/generate/main.ts';
import { proofFile, recordedRuns } from '../../docs/generate/proof.ts';
import { type LongRun, rememberSeed } from '../support/long-run.ts';
import { exitWithParent } from '../support/parent.ts';
import { shares, type Tool, tools } from './tools.ts';

/** Characters of a finding that are recorded; the tool prints all of it. */
const longestFinding = 300;

const ROOT = join(import.meta.dirname, '../..');

exitWithParent();
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '480' }, tools: { type: 'string' }, record: { type: 'string' } },
});
if (!/^[1-9]\d{0,4}$/.test(values.minutes))
  throw new Error(`--minutes "${values.minutes}" must be a whole number above 0`);
const folder = await mkdtemp(join(tmpdir(), 'quarry-nightly-'));
if (values.record !== undefined) await record(JSON.parse(await readFile(values.record, 'utf8')) as LongRun);
else {
  if (values.tools === undefined) await testAlerts();
  for (const [tool, minutes] of shares(chosen(values.tools?.split(',')), Number(values.minutes)))
    await play(tool, minutes);
}
await rm(folder, { recursive: true });

function chosen(names: readonly string[] | undefined): readonly Tool[] {
  const unknown = names?.filter((name) => !tools.some((tool) => tool.name === name)) ?? [];
  if (unknown.length > 0)
    throw new Error(`no tool is called ${unknown.join(', ')}; there are ${tools.map(({ name }) => name).join(', ')}`);
  return names === undefined ? tools : tools.filter(({ name }) => names.includes(name));
}

/** The alert rules have no seeds: once a night is enough. */
async function testAlerts(): Promise<void> {
  const vitest = spawn(join(ROOT, 'node_modules/.bin/vitest'), ['run', '--project', 'alerts'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  const [code] = (await once(vitest, 'close')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

/** Plays one seed after the other: a tool ends early at a finding. */
async function play(tool: Tool, minutes: number): Promise<void> {
  const until = Date.now() + minutes * 60_000;
  do {
    const left = Math.max(1, Math.round((until - Date.now()) / 60_000));
    await record(await runOnce(tool, randomInt(1_000_000), left));
  } while (until - Date.now() > 60_000);
}

/** One run of a tool. One that ended without its counts is a finding too. */
async function runOnce({ name, command }: Tool, seed: number, minutes: number): Promise<LongRun> {
  console.log(`\n── ${name}, seed ${seed}, ${minutes} min`);
  const file = join(folder, `${name}-${seed}.json`);
  const args = [...command, '--seed', String(seed), '--minutes', String(minutes), '--tally', file];
  const [code] = (await once(spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }), 'close')) as [
    number | null,
  ];
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const run =
    text === undefined ? { tool: name, seed, minutes, counts: {}, findings: [] } : (JSON.parse(text) as LongRun);
  return code === 0 || run.findings.length > 0 ? run : { ...run, findings: [`it ended with exit code ${code}`] };
}

async function record(played: LongRun): Promise<void> {
  const run = { ...played, minutes: Math.max(1, Math.round(played.minutes)) };
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(
    proofFile,
    `${JSON.stringify([...recordedRuns(), { date, commit, ...run, findings: run.findings.map((text) => text.slice(0, longestFinding)) }], undefined, 2)}\n`,
  );
  for (const [path, text] of generatePages()) await writeFile(path, text);
  if (run.findings.length === 0) return;
  process.exitCode = 1;
  await rememberSeed(run);
  console.log(`found by ${run.tool} with seed ${run.seed}:\n${run.findings.join('\n')}`);
}
