import { command, oneOf } from '../command.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completion = command({
  name: 'completion',
  summary: 'Print a script that completes commands and options in a shell',
  where: 'nowhere',
  arguments: { shell: oneOf('the shell that reads the script', shells) },
  examples: [
    { line: 'source <(quarry completion bash)', does: 'completes in this bash; put the line into ~/.bashrc for all' },
    { line: 'quarry completion zsh >"${fpath[1]}/_quarry"', does: 'completes in every zsh that starts from now on' },
    { line: 'quarry completion fish >~/.config/fish/completions/quarry.fish', does: 'the same for fish' },
  ],
  async run({ shell }) {
    const [{ completionScript }, { commands }] = await Promise.all([
      import('../completion.ts'),
      import('../commands.ts'),
    ]);
    return completionScript(shell, commands);
  },
});
