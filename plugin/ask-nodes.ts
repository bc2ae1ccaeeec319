import type { KubeConfig } from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Failure, messageOf } from '../src/domain/errors.ts';
import type { Node } from './nodes.ts';
import { runIn, type Streams } from './run-in.ts';

/** How many nodes are asked at once: each answer costs the API server a connection. */
const atOnce = 16;

/** What a command said on a node. */
export interface Answer {
  readonly node: string;
  readonly stdout: string;
  /** Why there is no answer, or what the command said when it failed. */
  readonly problem?: string | undefined;
}

/** Runs a command on each node, and resolves with all answers in the order of the nodes. */
export async function askNodes(
  config: KubeConfig,
  nodes: readonly Node[],
  wordsFor: (node: string) => readonly string[],
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < nodes.length; from += atOnce) {
    const some = nodes.slice(from, from + atOnce).map(async (node) => askNode(config, node, wordsFor(node.name)));
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

async function askNode(config: KubeConfig, { name, target, problem }: Node, words: readonly string[]): Promise<Answer> {
  if (target === undefined) return { node: name, stdout: '', problem };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const ended = runIn(config, target, words, { stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  try {
    const [code, out, said] = await Promise.all([ended, text(stdout), text(stderr)]);
    return { node: name, stdout: out, ...(code !== 0 && { problem: said.trim() || `exit code ${code}` }) };
  } catch (error) {
    // A right that is missing is missing for all nodes.
    if (error instanceof Failure && error.kind === 'precondition') throw error;
    return { node: name, stdout: '', problem: messageOf(error) };
  }
}

/** Says what failed, and resolves with the exit code. */
export function conclude(answers: readonly Answer[], { stderr }: Pick<Streams, 'stderr'>): number {
  const failed = answers.filter(({ problem }) => problem !== undefined);
  for (const { node, problem } of failed) stderr.write(`node ${node}: ${problem}\n`);
  return failed.length === 0 ? 0 : 1;
}
