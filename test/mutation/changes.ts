import type { Mutant } from './mutants.ts';
import { literalChanges } from './literals.ts';
import { child, type Found, isLogCall, isNode, type Node, nodesOf } from './syntax.ts';

export type Change = Omit<Mutant, 'file' | 'at'> & { readonly at?: number };

const OPERATORS: Readonly<Record<string, readonly [kind: string, to: string]>> = {
  '<': ['boundary', '<='],
  '<=': ['boundary', '<'],
  '>': ['boundary', '>='],
  '>=': ['boundary', '>'],
  '===': ['comparison', '!=='],
  '!==': ['comparison', '==='],
  '&&': ['logic', '||'],
  '||': ['logic', '&&'],
  '+': ['arithmetic', '-'],
  '-': ['arithmetic', '+'],
  '*': ['arithmetic', '/'],
  '/': ['arithmetic', '*'],
  '%': ['arithmetic', '*'],
  '<<': ['arithmetic', '>>'],
  '>>': ['arithmetic', '<<'],
  '>>>': ['arithmetic', '<<'],
  '&': ['arithmetic', '|'],
  '|': ['arithmetic', '&'],
  '+=': ['arithmetic', '-='],
  '-=': ['arithmetic', '+='],
  '++': ['arithmetic', '--'],
  '--': ['arithmetic', '++'],
  '??=': ['default', '='],
};
const METHODS: ReadonlyMap<string, string> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
]);
const REMOVED_METHODS = new Set(['filter', 'sort', 'toSorted', 'reverse', 'toReversed', 'trim']);

/** What a mutation run changes at one node of the syntax tree. */
export function changesOf({ node, parents }: Found, code: string): readonly Change[] {
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
      return operatorChanges(node, parents.at(-1), code);
    case 'UpdateExpression':
      return [replaceIn(node, code, node.start, String(node['operator']))].filter((change) => change !== undefined);
    case 'UnaryExpression':
      return node['operator'] === '!' || node['operator'] === '-'
        ? [{ kind: 'negation', start: node.start, end: node.end, text: code.slice(node.start + 1, node.end) }]
        : [];
    case 'IfStatement':
    case 'ConditionalExpression':
      return ['true', 'false'].map((text) => replace('condition', child(node, 'test'), text));
    case 'WhileStatement':
    case 'ForStatement':
      return isNode(node['test']) ? [replace('condition', node['test'], 'false')] : [];
    case 'ExpressionStatement':
      return isRemovable(child(node, 'expression'))
        ? [{ ...replace('removed statement', node, ';'), at: node.start }]
        : [];
    case 'BlockStatement':
      return isEmptied(node, parents.at(-1)) ? [emptied(node)] : [];
    case 'MemberExpression':
      return optionalChange(node, child(node, 'object'), code);
    case 'CallExpression':
      return [...optionalChange(node, child(node, 'callee'), code), ...methodChanges(node, code)];
    case 'Literal':
      return isUnusedDefault(node, parents) ? [] : literalChanges(node, parents);
    default:
      return [];
  }
}

function operatorChanges(node: Node, parent: Node | undefined, code: string): readonly Change[] {
  const operator = String(node['operator']);
  const [left, right] = [child(node, 'left'), child(node, 'right')];
  if (operator === '??') {
    if (isIndexed(left)) return [];
    const text = code.slice(node.start, code.indexOf('??', left.end)).trimEnd();
    return [{ kind: 'default', start: node.start, end: node.end, text }];
  }
  if (operator.startsWith('+') && (isText(left) || isText(right))) return [];
  const change = replaceIn(node, code, left.end, operator);
  if (change?.kind === 'boundary' && isLesser(node, parent, code)) return [];
  return change === undefined ? [] : [change];
}

/** `match[1] ?? ''`: the group is there, and only the type checker needs the default. */
function isIndexed(node: Node): boolean {
  return node.type === 'MemberExpression' && child(node, 'property')['type'] === 'Literal';
}

/** `a < b ? a : b`, or the greater: equal values give the same result. */
function isLesser(comparison: Node, parent: Node | undefined, code: string): boolean {
  if (parent?.type !== 'ConditionalExpression' || parent['test'] !== comparison) return false;
  const textOf = ({ start, end }: Node): string => code.slice(start, end);
  const compared = [child(comparison, 'left'), child(comparison, 'right')].map(textOf);
  const results = new Set([child(parent, 'consequent'), child(parent, 'alternate')].map(textOf));
  return compared.every((text) => results.has(text));
}

/** The node's whole text with its operator, which stands at or after `from`, replaced. */
function replaceIn(node: Node, code: string, from: number, operator: string): Change | undefined {
  const [kind, to] = OPERATORS[operator] ?? [];
  if (kind === undefined || to === undefined) return undefined;
  const position = code.indexOf(operator, from);
  const text = code.slice(node.start, position) + to + code.slice(position + operator.length, node.end);
  return { kind, start: node.start, end: node.end, text };
}

/** The `''` of `match[1] ?? ''`, and of `[, name = ''] = match`. */
function isUnusedDefault(node: Node, parents: readonly Node[]): boolean {
  const [above, parent] = parents.slice(-2);
  if (parent?.['right'] !== node) return false;
  if (parent.type === 'AssignmentPattern') return above?.type === 'ArrayPattern';
  return parent['operator'] === '??' && isIndexed(child(parent, 'left'));
}

/** Calls and assignments, except of the log: no test needs to read every line of it. */
function isRemovable(expression: Node): boolean {
  if (expression.type === 'ChainExpression') return isRemovable(child(expression, 'expression'));
  if (expression['operator'] === 'delete' || expression.type === 'AssignmentExpression') return true;
  if (['AwaitExpression', 'UnaryExpression'].includes(expression.type))
    return isRemovable(child(expression, 'argument'));
  return expression.type === 'CallExpression' && !isLogCall(expression);
}

/** Bodies of functions of more than one statement (one alone is removed), of `for … of`, `catch` and `finally`. */
function isEmptied(block: Node, parent: Node | undefined): boolean {
  const count = nodesOf(block['body']).length;
  if (parent === undefined || count === 0) return false;
  if (/Function/.test(parent.type)) return count > 1;
  if (parent.type === 'TryStatement') return parent['finalizer'] === block;
  return ['ForOfStatement', 'ForInStatement', 'CatchClause'].includes(parent.type);
}

function emptied(block: Node): Change {
  const [first] = nodesOf(block['body']);
  return { kind: 'emptied block', start: block.start, end: block.end, text: '{}', at: first?.start ?? block.start };
}

function optionalChange(node: Node, target: Node, code: string): readonly Change[] {
  if (node['optional'] !== true) return [];
  const position = code.indexOf('?.', target.end);
  const dot = node.type === 'MemberExpression' && node['computed'] !== true ? '.' : '';
  const text = code.slice(node.start, position) + dot + code.slice(position + 2, node.end);
  return [{ kind: 'optional chain', start: node.start, end: node.end, text }];
}

function methodChanges(call: Node, code: string): readonly Change[] {
  const callee = child(call, 'callee');
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return [];
  const property = child(callee, 'property');
  const name = String(property['name']);
  const other = METHODS.get(name);
  if (other !== undefined) {
    const text = code.slice(call.start, property.start) + other + code.slice(property.end, call.end);
    return [{ kind: 'method', start: call.start, end: call.end, text }];
  }
  if (!REMOVED_METHODS.has(name)) return [];
  const dot = code.lastIndexOf('.', property.start);
  return [
    {
      kind: 'method',
      start: call.start,
      end: call.end,
      text: code.slice(call.start, dot).replace(/\?$/, '').trimEnd(),
    },
  ];
}

function replace(kind: string, node: Node, text: string): Change {
  return { kind, start: node.start, end: node.end, text };
}

function isText(node: Node): boolean {
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node['value'] === 'string');
}
