import type { Change } from './changes.ts';
import { isLogCall, type Node } from './syntax.ts';

/** Text that a program compares, not one that a person reads: an option, a tag, a code, a name of an event. */
const CODE = /^[\w@:.,+/=-]{1,40}$/;

/** Changes of a constant: another boolean or number, an empty code, a regular expression without an anchor. */
export function literalChanges(node: Node, parents: readonly Node[]): readonly Change[] {
  const raw = String(node['raw']);
  const to = (kind: string, text: string): Change => ({ kind, start: node.start, end: node.end, text });
  const { value } = node;
  const regex = node['regex'] as { readonly pattern: string } | undefined;
  if (typeof value === 'boolean') return [to('boolean', String(!value))];
  if (typeof value === 'number') return [to('constant', String(value + 1))];
  if (typeof node['bigint'] === 'string') return [to('constant', `${BigInt(node['bigint']) + 1n}n`)];
  if (regex !== undefined) return anchorsRemoved(raw).map((text) => to('regular expression', text));
  if (typeof value === 'string' && CODE.test(value) && !parents.some(isLogCall)) return [to('code', `''`)];
  return [];
}

function anchorsRemoved(raw: string): readonly string[] {
  const end = raw.lastIndexOf('/');
  const [pattern, flags] = [raw.slice(1, end), raw.slice(end + 1)];
  const without = [];
  if (pattern.startsWith('^')) without.push(pattern.slice(1));
  if (pattern.endsWith('$') && !pattern.endsWith(String.raw`\$`)) without.push(pattern.slice(0, -1));
  return without.filter((shorter) => shorter !== '').map((shorter) => `/${shorter}/${flags}`);
}
