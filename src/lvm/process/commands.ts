import type { Run } from '../../exec/run.ts';
import type { LvmAnswer, LvmArguments } from './lvm.ts';
import { decodeDocument, errorLines } from './report.ts';

const reportCommands = new Set(['lvs', 'vgs', 'pvs', 'fullreport']);

/** How an LVM process is started for one command. */
export interface CommandOptions {
  readonly run: Run;
  readonly program: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** One lvm process per command: for hosts whose LVM lacks the profile that the long-lived process needs. */
export async function runCommand(options: CommandOptions, argv: LvmArguments): Promise<LvmAnswer> {
  const [name, ...words] = argv;
  const isReport = reportCommands.has(name);
  const format = isReport ? ['--reportformat', 'json', '--units', 'b', '--nosuffix'] : [];
  const rest = isReport ? words : withoutLog(words);
  const result = await options.run([...options.program, name, ...format, ...rest], {
    deadline: options.deadline,
    env: options.env,
    signal: options.signal,
  });
  if (result.exitCode === 0) {
    return { ok: true, rows: reportCommands.has(name) ? decodeDocument(result.stdout).rows : [] };
  }
  return { ok: false, messages: errorLines(result.stderr) };
}

/** LVM accepts one `--config`, so the command's settings and ours are joined. */
function withoutLog(words: readonly string[]): string[] {
  const setting = 'log/report_command_log=0';
  const at = words.indexOf('--config');
  if (at < 0) return ['--config', setting, ...words];
  return words.with(at + 1, `${setting} ${words[at + 1]}`);
}
