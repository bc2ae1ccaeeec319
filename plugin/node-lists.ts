import type { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { type Answer, askNodes, conclude } from './ask-nodes.ts';
import type { Node } from './nodes.ts';
import type { Streams } from './run-in.ts';

/** Shows what a command lists on each node: a table a node, or one list for programs, whose items name their node. */
export async function showNodeLists(
  config: KubeConfig,
  nodes: readonly Node[],
  words: readonly string[],
  streams: Streams,
): Promise<number> {
  const format = formatOf(words);
  const asked = format === 'yaml' ? [...words, '-o', 'json'] : words;
  const answers = await askNodes(config, nodes, () => asked);
  const good = answers.filter(({ problem }) => problem === undefined);
  streams.stdout.write(format === undefined ? tables(good) : data(good, format));
  return conclude(answers, streams);
}

function tables(answers: readonly Answer[]): string {
  return answers.map(({ node, stdout }) => `${node}:\n${stdout.replaceAll(/^(?=.)/gm, '  ')}`).join('\n');
}

function data(answers: readonly Answer[], format: 'json' | 'yaml'): string {
  const items = answers.flatMap(({ node, stdout }) => itemsOf(stdout).map((item) => Object.assign({ node }, item)));
  // YAML is written from what JavaScript can hold: the counters of a disk reach 2^53 after eight million GiB.
  if (format === 'yaml') return stringify(JSON.parse(JSON.stringify({ items })));
  return `${JSON.stringify({ items }, undefined, 2)}\n`;
}

/** Keeps every digit of a number. */
function itemsOf(text: string): object[] {
  const exact = JSON as unknown as {
    readonly parse: (
      text: string,
      revive: (key: string, value: unknown, context: { source: string }) => unknown,
    ) => unknown;
    readonly rawJSON: (text: string) => object;
  };
  const whole = exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? exact.rawJSON(source) : value,
  );
  return (whole as { readonly items: object[] }).items;
}

/** Undefined: a table. The last one given counts, as on the node. */
function formatOf(words: readonly string[]): 'json' | 'yaml' | undefined {
  const given = words.join(' ').matchAll(/(?:^| )(?:-o|--output)[ =]?(\w+)(?= |$)/g);
  const last = [...given].at(-1)?.[1];
  return last === 'json' || last === 'yaml' ? last : undefined;
}
