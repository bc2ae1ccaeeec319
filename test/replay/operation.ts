import { setTimeout as delay } from 'node:timers/promises';
import { MiB, volumeRequest } from '../support/driver.ts';
import type { Configuration, Node } from './node.ts';
import { run } from './run.ts';

/** Something that the driver does in the middle of which the power is cut. */
export interface Operation {
  readonly name: string;
  /** What the driver is given; default: `base`. Without a call, its start with another one is the operation. */
  readonly configuration?: Configuration;
  /** Calls before the operation, which are never cut off. */
  readonly prepare?: (node: Node) => Promise<unknown>;
  /** The device of a disk that answers no more from the begin of the operation on, and after each cut; known after `prepare`. */
  readonly pulls?: () => string;
  /** The call, which may be repeated; none if the start is the operation. */
  readonly call?: (node: Node) => Promise<unknown>;
  /** What the operation made does not outlive a cut, so that the repeated call first removes it. */
  readonly remade?: true;
  /** For each state between the ones before and after it that a cut may leave: a fact of it, given the one before or after. */
  readonly between?: readonly ((fact: string) => string)[];
  /** What a cut may leave done of it: each is done in place of the call, to see a further state between. */
  readonly parts?: readonly ((node: Node) => Promise<unknown>)[];
  /** Problems of the result after the repeated call. */
  readonly verify?: (node: Node) => Promise<readonly string[]>;
}

/** The volume that operations make, and how many bytes of it are compared. */
export const made = { name: 'new', written: 8 * MiB } as const;

export function deviceOf(name: string): string {
  return `/dev/mapper/qmain-${name.replaceAll('-', '--')}`;
}

/** The id of a volume. */
export function idOf(name: string): string {
  return `node-1:${name}`;
}

export function create(node: Node, name: string, bytes: number, parameters: Record<string, string>, from = {}) {
  return node.client.controller.createVolume(
    volumeRequest(name, bytes, { parameters: { pool: 'main', ...parameters }, ...from }),
  );
}

/** Resolves when nothing is left to erase. */
export async function untilErased(): Promise<void> {
  while (/q-(?:zero|discard|keys)-/.test(await run('lvs', '--noheadings', '-o', 'lv_name', 'qmain'))) await delay(100);
}
