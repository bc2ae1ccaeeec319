import { parseAst } from 'vitest/node';

/** A node of the syntax tree (ESTree with TypeScript's nodes); positions are offsets in the source text. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface Found {
  readonly node: Node;
  /** From the program down to the node's own parent. */
  readonly parents: readonly Node[];
}

/** What the compiler erases. Keys of objects and classes are names: a wrong one does not compile. */
const ERASED = new Set(
  'typeAnnotation returnType typeParameters typeArguments superTypeArguments implements decorators key'.split(' '),
);
const AROUND_A_VALUE = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSParameterProperty',
]);

export function parse(code: string): Node {
  return parseAst(code, { lang: 'ts' }) as unknown as Node;
}

/** The nodes that run, in the order of the text: no types, imports, or keys of objects. */
export function* runningNodes(node: Node, parents: readonly Node[] = []): Generator<Found> {
  if (node.type.startsWith('Import') || node.type === 'ExportAllDeclaration') return;
  if (node.type.startsWith('TS') && !AROUND_A_VALUE.has(node.type)) return;
  yield { node, parents };
  for (const inner of children(node)) yield* runningNodes(inner, [...parents, node]);
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

/** The nodes in a list of the tree, such as a block's `body`. */
export function nodesOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Throws if the tree has no node there. */
export function child(node: Node, key: string): Node {
  const value = node[key];
  if (!isNode(value)) throw new Error(`${node.type} at ${node.start} has no ${key}`);
  return value;
}

/** Whether a call is `log.…(…)` or `….log.…(…)`. */
export function isLogCall(call: Node): boolean {
  const callee = call['callee'];
  if (call.type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return false;
  const object = child(callee, 'object');
  const name = object.type === 'MemberExpression' ? child(object, 'property') : object;
  return name['name'] === 'log';
}

function children(node: Node): readonly Node[] {
  return Object.entries(node).flatMap(([key, value]) => {
    if (ERASED.has(key)) return [];
    return isNode(value) ? [value] : nodesOf(value);
  });
}
