import { type Command, exitCodes, flagOf, shortOf } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { sentence, table } from './markdown.ts';

const places = {
  here: '',
  node: 'Asks the driver that runs on this machine, over its socket (`endpoint`); [`kubectl quarry`](../guides/kubectl-plugin.md) asks all nodes.',
  controller:
    'Asks the controller that runs on this machine, over its socket (`admin`): in a cluster, with [`kubectl quarry`](../guides/kubectl-plugin.md).',
  nowhere: '',
} as const satisfies Record<Command['where'], string>;

/** A section for each command. */
export function commandSections(): string {
  return commands.map((command) => section(command)).join('\n');
}

export function exitCodeTable(): string {
  return table(['Exit code', 'Meaning'], Object.entries(exitCodes).map(([code, meaning]) => [code, sentence(meaning)]));
}

function section(command: Command): string {
  const parts = [
    `## \`${usageOf(command)}\`\n`,
    `${[sentence(command.summary), command.details, places[command.where]].filter(Boolean).join(' ')}\n`,
    words(command),
    command.failsWhen === undefined ? '' : `Exit code 1: ${command.failsWhen}.\n`,
    fields(command),
    examples(command),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function usageOf({ name, arguments: known }: Command): string {
  const words_ = Object.entries(known).map(([key, { count }]) => {
    const word = key.toUpperCase();
    return { one: word, optional: `[${word}]`, many: `[${word}…]` }[count];
  });
  return ['quarry', name, ...words_].join(' ');
}

function words(command: Command): string {
  const given = Object.entries(command.arguments).map(([key, { help, choices }]) => [
    `\`${key.toUpperCase()}\``,
    `${sentence(help)}${oneOf(choices)}`,
  ]);
  const options = Object.entries(command.options).map(([key, { help, value, choices, fallback }]) => {
    const flags = [shortOf(key), flagOf(key)].filter((flag) => flag !== undefined);
    const shown = flags.map((flag) => `\`${flag}${value === undefined ? '' : ` ${value}`}\``).join(', ');
    const otherwise = fallback === undefined ? '' : ` Default: \`${fallback}\`.`;
    return [shown, `${sentence(help)}${oneOf(choices)}${otherwise}`];
  });
  const rows = [...given, ...options];
  return rows.length === 0 ? '' : table(['Word', 'Meaning'], rows);
}

function oneOf(choices: readonly string[] | undefined): string {
  return choices === undefined ? '' : ` One of ${choices.map((word) => `\`${word}\``).join(', ')}.`;
}

function fields({ fields: known }: Command): string {
  if (known === undefined) return '';
  const rows = Object.entries(known).map(([name, meaning]) => [`\`${name}\``, sentence(meaning)]);
  return `Each of \`items\` in JSON and YAML:\n\n${table(['Field', 'Meaning'], rows)}`;
}

function examples({ examples: known }: Command): string {
  if (known.length === 0) return '';
  return `\`\`\`sh\n${known.map(({ line, does }) => `# ${sentence(does)}\n${line}\n`).join('\n')}\`\`\`\n`;
}
