import { type Command, flagOf, shortOf } from './command.ts';

/** The possible words after a command: its subcommands, the choices of its arguments, and its options. */
interface Place {
  /** Such as `disks`; empty at the start. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly options: readonly Flag[];
}

interface Flag {
  readonly names: readonly string[];
  readonly help: string;
  readonly value: 'none' | 'file' | 'text' | readonly string[];
}

const help: Flag = { names: ['-h', '--help'], help: 'show help', value: 'none' };
const version: Flag = { names: ['--version'], help: 'show the version', value: 'none' };

/** A script for the shell, made from the list of commands; it starts no process while the user types. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', commands: readonly Command[]): string {
  const start = { path: '', words: wordsBelow('', commands), options: [version, help] };
  const places = [start, ...commands.map((command) => placeOf(command, commands))];
  switch (shell) {
    case 'bash':
      return bash(places);
    case 'zsh':
      return zsh(places);
    case 'fish':
      return fish(places);
  }
}

function placeOf(command: Command, commands: readonly Command[]): Place {
  const choices = Object.values(command.arguments).flatMap(({ choices: all = [], help: what }) =>
    all.map((word) => ({ word, help: what })),
  );
  const options = Object.entries(command.options).map(([key, option]): Flag => {
    const names = [shortOf(key), flagOf(key)].filter((name) => name !== undefined);
    const value = option.value === undefined ? 'none' : (option.choices ?? (option.file === true ? 'file' : 'text'));
    return { names, help: option.help, value };
  });
  return {
    path: command.name,
    words: [...wordsBelow(command.name, commands), ...choices],
    options: [...options, help],
  };
}

function wordsBelow(path: string, commands: readonly Command[]): Place['words'] {
  const below = commands.filter(({ name }) => parentOf(name) === path);
  return below.map(({ name, summary }) => ({ word: name.slice(path.length).trim(), help: summary }));
}

function parentOf(name: string): string {
  return name.split(' ').slice(0, -1).join(' ');
}

/** Patterns for a shell's `case` over the previous path and the next word: `'disks approve'`, and `' disks'` at the start. */
function steps(places: readonly Place[]): string[] {
  return places.filter(({ path }) => path !== '').map(({ path }) => quote(path.includes(' ') ? path : ` ${path}`));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The distinct options that take a value. */
function valued(places: readonly Place[]): Flag[] {
  const all = places.flatMap(({ options }) => options).filter(({ value }) => value !== 'none');
  return [...new Map(all.map((option) => [option.names.join(), option])).values()];
}

function bash(places: readonly Place[]): string {
  const values = valued(places).map(({ names, value }) => {
    const made = value === 'file' ? 'compgen -f -- "$current"' : `compgen -W ${quote(listed(value))} -- "$current"`;
    return `    ${names.join('|')}) mapfile -t COMPREPLY < <(${made}); return ;;`;
  });
  const cases = places.map(({ path, words, options }) => {
    const all = [...words.map(({ word }) => word), ...options.flatMap(({ names }) => names)];
    return `    ${quote(path)}) found=${quote(all.join(' '))} ;;`;
  });
  return `_quarry() {
  local at='' found='' word i current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  # Bash cuts --output=json into three words.
  if [[ $current == = ]]; then current=''; elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at $word" in
      ${steps(places).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$before" in
${values.join('\n')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current")
}
complete -o filenames -F _quarry quarry
`;
}

function zsh(places: readonly Place[]): string {
  const values = valued(places).map(({ names, value }) => {
    const made = value === 'file' ? '_files' : `compadd -- ${listed(value)}`;
    return `    ${names.join('|')}) ${made}; return ;;`;
  });
  const cases = places.map(({ path, words, options }) => {
    const flags = options.flatMap(({ names, help: what }) => names.map((word) => ({ word, help: what })));
    const all = [...words, ...flags].map(({ word, help: what }) => quote(`${word}:${what}`));
    return `    ${quote(path)}) found=(${all.join(' ')}) ;;`;
  });
  return `#compdef quarry
_quarry() {
  local at='' word
  local -a found
  for word in \${words[2,CURRENT-1]}; do
    case "$at $word" in
      ${steps(places).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  _describe quarry found
}
if [[ "$funcstack[1]" == _quarry ]]; then _quarry "$@"; else compdef _quarry quarry; fi
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options }) => {
    const start = `complete -c quarry -n ${quote(`__quarry_at ${JSON.stringify(path)}`)}`;
    return [
      ...words.map(({ word, help: what }) => `${start} -a ${word} -d ${quote(what)}`),
      ...options.map(({ names, help: what, value }) => {
        const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        const wants = value === 'none' ? '' : value === 'file' ? ' -r -F' : ` -x -a ${quote(listed(value))}`;
        return `${start} ${flags.join(' ')}${wants} -d ${quote(what)}`;
      }),
    ];
  });
  return `function __quarry_at
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${steps(places).join(' ')}
        set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
complete -c quarry -f
${lines.join('\n')}
`;
}

function listed(value: Flag['value']): string {
  return typeof value === 'string' ? '' : value.join(' ');
}
