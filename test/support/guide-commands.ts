import { parseApproval } from '../../plugin/approve.ts';
import { parseArguments } from '../../plugin/arguments.ts';
import { commands as known } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/program.ts';
import { blocksOf, inlineCodeOf } from './guides.ts';

/** A command in a page of the documentation. */
export interface GuideCommand {
  readonly page: string;
  /** As a reader types it, without a comment. */
  readonly line: string;
  /** A mention in a sentence may leave out arguments. */
  readonly mention: boolean;
}

const reference = 'docs/reference/command-line.md';
const programs = /^(?:kubectl|helm|quarry) /;

/** The commands of kubectl, helm and quarry on a page: those of its blocks, and those in its sentences. */
export function guideCommands(page: string): GuideCommand[] {
  const block = blocksOf(page).flatMap(({ language, text }) => linesOf(language, text));
  const lines = block.flatMap((line) => line.split(' | ')).map((line) => line.trim());
  return [
    ...lines.map((line) => ({ page, line, mention: false })),
    // The headings of the reference are made from the commands themselves.
    ...(page === reference ? [] : inlineCodeOf(page)).map((line) => ({
      page,
      line: line.split(' | ')[0] ?? line,
      mention: true,
    })),
  ].filter(({ line }) => programs.test(line));
}

function linesOf(language: string, text: string): string[] {
  const whole = text.replaceAll(/\\\n\s*/g, '').split('\n');
  const bare = (line: string): string => line.replace(/\s+[#>].*/, '').trim();
  switch (language) {
    case 'sh':
      return whole.map(bare);
    case 'console':
      return whole.filter((line) => line.startsWith('$ ')).map((line) => bare(line.slice(2)));
    default:
      return [];
  }
}

/** The words after `quarry` of a command that runs there, also through kubectl exec or kubectl quarry; undefined for others. */
export function quarryWords(line: string): string[] | undefined {
  const [, rest] = /^(?:quarry|kubectl quarry|kubectl .* -- quarry) (.*)$/.exec(line) ?? [];
  return rest === undefined ? undefined : wordsOf(rest);
}

function wordsOf(text: string): string[] {
  return [...text.matchAll(/'[^']*'|"[^"]*"|\S+/g)]
    .map(([word]) => word.replaceAll(/^['"]|['"]$/g, ''))
    .filter((word) => word !== '…');
}

const inert = known.map((command) => Object.assign({}, command, { run: async () => '' }));
const terminal = {
  say: () => undefined,
  ask: async () => '',
  show: () => undefined,
  again: async () => false,
  fail: () => undefined,
};

/** Why the real command line refuses the command; undefined if it takes it. */
export async function problemOf({ line, mention }: GuideCommand): Promise<string | undefined> {
  try {
    await parseLine(line);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return mention && message.includes('missing required argument') ? undefined : message;
  }
}

async function parseLine(line: string): Promise<void> {
  const words = quarryWords(line);
  if (words === undefined) return;
  if (!line.startsWith('kubectl quarry ')) return void (await runCommandLine(words, inert, terminal));
  const asked = parseArguments(words);
  if (typeof asked === 'string') return;
  const [first = '', second = ''] = asked.words;
  if (first === 'dashboard') return;
  if (first === 'disks' && second === 'approve') return void parseApproval(asked.words.slice(2));
  await runCommandLine(asked.words, inert, terminal);
}
