import { Argument, Command as Program, type CommanderError, Option } from 'commander';
import { Failure } from '../domain/errors.ts';
import { version } from '../version.ts';
import { type Command, exitCodes, flagOf, shortOf, type Terminal } from './command.ts';

const description = 'Persistent volumes for Kubernetes on the raw disks of a node, with LVM.';
const shown = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

/**
 * Runs the command, and resolves with the text for stdout.
 *
 * @throws Failure('invalid'), in one line, if the words are not a valid command line
 */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<string> {
  let text = '';
  const root = new Program('quarry').description(description).version(version, '--version', 'show the version');
  root.addOption(new Option('--config <FILE>').hideHelp());
  prepare(root, (more) => (text += more));
  root.addHelpText('after', `\n${helpOnHelp}\n`);
  for (const command of commands) {
    const program = prepare(nested(root, command), (more) => (text += more));
    describe(program, command).action(async () => {
      const given = valuesOf(program, command);
      text = await command.run(given, terminal);
      if (given['watch'] === true) text = await watched(text, () => command.run(given, terminal), terminal);
    });
  }
  listAll(root);
  try {
    await root.parseAsync(normalize(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof Shown)) throw error;
  }
  return text;
}

/** Shows one result after the other. Nothing is left to print then. */
async function watched(first: string, next: () => Promise<string>, terminal: Terminal): Promise<string> {
  let text = first;
  for (;;) {
    terminal.show(text);
    if (!(await terminal.again())) return '';
    text = await next();
  }
}

/** `quarry` alone and `quarry help` show the help. */
function normalize(argv: readonly string[]): string[] {
  if (argv.length === 0) return ['--help'];
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
}

/** Lists subcommands too, so that a user who looks for "approve" finds it. */
function listAll(root: Program): void {
  const below = (program: Program): Program[] => program.commands.flatMap((each) => [each, ...below(each)]);
  root.configureHelp({
    visibleCommands: (program) => (program === root ? below(root) : [...program.commands]),
    subcommandTerm(program) {
      const words = program.registeredArguments.map((word) =>
        word.required ? `<${word.name()}>` : `[${word.name()}]`,
      );
      const name = pathOf(program).replace('quarry ', '');
      return [name, ...words].join(' ');
    },
  });
}

const helpOnHelp = `quarry COMMAND --help describes one command, with examples.
Exit codes: ${Object.entries(exitCodes)
  .map(([code, meaning]) => `${code} ${meaning}`)
  .join('; ')}.`;

/** Thrown where commander would end the process; the text is collected by then. */
class Shown extends Error {}

function prepare(program: Program, write: (text: string) => void): Program {
  return program
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .enablePositionalOptions()
    .configureOutput({ writeOut: write, writeErr: () => undefined })
    .exitOverride((error) => {
      if (shown.has(error.code)) throw new Shown();
      throw misuse(program, oneLine(program, error));
    });
}

/** The commander command for these words; its parents exist already. */
function nested(root: Program, { name }: Command): Program {
  const [last = name, ...before] = name.split(' ').toReversed();
  const parent = before.reduceRight((at, word) => at.commands.find((known) => known.name() === word) ?? at, root);
  return parent.command(last);
}

function describe(program: Program, command: Command): Program {
  program.summary(command.summary).description([command.summary, command.details].filter(Boolean).join('.\n\n'));
  for (const [key, { help, count, choices }] of Object.entries(command.arguments)) {
    const name = key.toUpperCase() + (count === 'many' ? '...' : '');
    const argument = new Argument(count === 'one' ? `<${name}>` : `[${name}]`, help);
    program.addArgument(choices ? argument.choices(choices) : argument);
  }
  for (const [key, { help, value, choices, fallback }] of Object.entries(command.options)) {
    const flags = [shortOf(key), flagOf(key)].filter((flag) => flag !== undefined).join(', ');
    const text = fallback === undefined ? help : `${help} (default: ${fallback})`;
    const option = new Option(value === undefined ? flags : `${flags} <${value}>`, text);
    if (choices) option.choices(choices);
    program.addOption(option);
  }
  const examples = command.examples.map(({ line, does }) => `  $ ${line}\n      ${does}`);
  if (examples.length > 0) program.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  return program;
}

/** Options may be given before a subcommand: `quarry --config FILE disks approve`. */
function valuesOf(program: Program, command: Command): Record<string, unknown> {
  const outer: Record<string, string | boolean> = {};
  for (let at = program.parent; at !== null; at = at.parent) Object.assign(outer, { ...at.opts(), ...outer });
  const stray = Object.keys(outer).find((key) => !(key in command.options) && key !== 'config');
  if (stray !== undefined) throw misuse(program, `unknown option "${flagOf(stray)}"`);
  const given: Record<string, string | boolean | undefined> = { ...outer, ...program.opts() };
  try {
    const options = Object.entries(command.options).map(([key, { parse }]) => [key, parse(given[key], flagOf(key))]);
    const positionals = Object.entries(command.arguments).map(([key, { parse }], index) => {
      const processed = program.processedArgs[index] as string | string[] | undefined;
      return [key, parse(processed === undefined ? [] : [processed].flat())];
    });
    return Object.fromEntries([...options, ...positionals]) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof Failure) throw misuse(program, error.message);
    throw error;
  }
}

function oneLine(program: Program, { code, message }: CommanderError): string {
  if (code === 'commander.excessArguments') {
    const extra = program.args[program.registeredArguments.length] ?? '';
    if (program.commands.length === 0) return `unexpected argument "${extra}"`;
    return `unknown command "${pathOf(program).replace('quarry ', '')} ${extra}"`;
  }
  return message
    .replace(/^error: /, '')
    .replaceAll(/'([^']*)'/g, '"$1"')
    .replace(/\.$/, '');
}

function misuse(program: Program, problem: string): Failure {
  return new Failure('invalid', `${problem.replaceAll(/\s+/g, ' ')}; see ${pathOf(program)} --help`);
}

function pathOf(program: Program): string {
  return program.parent ? `${pathOf(program.parent)} ${program.name()}` : program.name();
}
