import { child, isNode, type Node, nodesOf, parse, runningNodes } from './syntax.ts';

/** A part of a file whose run is recorded: a statement, or an expression that runs at another time than its surroundings. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** Global function in the code that `recordHits` returns; it takes a place's name. */
export const HIT = '__placeIsHit';

export function placeName(file: string, index: number): string {
  return `${file}#${index}`;
}

interface Insertion {
  readonly offset: number;
  readonly text: string;
}

/** The places of a file, in no order; the index names a place. */
export function findPlaces(code: string): readonly Place[] {
  return collect(code).map(({ place }) => place);
}

/** The code with a call of `HIT` in each place. */
export function recordHits(file: string, code: string): string {
  const insertions = collect(code).flatMap((recorded, index) =>
    recorded.insert(`${HIT}(${JSON.stringify(placeName(file, index))})`),
  );
  // From the end, so that offsets stay; at one offset the outer place begins first.
  const ordered = insertions.toReversed().sort((a, b) => b.offset - a.offset);
  return ordered.reduce((text, { offset, text: added }) => text.slice(0, offset) + added + text.slice(offset), code);
}

/** The index of the innermost place that an offset is in. */
export function placeAt(places: readonly Place[], offset: number): number | undefined {
  let best: number | undefined;
  for (const [index, { start, end }] of places.entries()) {
    if (start > offset || offset >= end) continue;
    const other = best === undefined ? undefined : places[best];
    if (other === undefined || end - start < other.end - other.start) best = index;
  }
  return best;
}

interface Recorded {
  readonly place: Place;
  readonly insert: (hit: string) => readonly Insertion[];
}

function collect(code: string): readonly Recorded[] {
  return [...runningNodes(parse(code))].flatMap(({ node }) => placesOf(node, code));
}

function placesOf(node: Node, code: string): readonly Recorded[] {
  switch (node.type) {
    case 'Program':
    case 'BlockStatement':
    case 'StaticBlock':
      return nodesOf(node['body']).filter(runs).map(statementPlace);
    case 'SwitchCase':
      return nodesOf(node['consequent']).filter(runs).map(statementPlace);
    case 'IfStatement':
      return [node['consequent'], node['alternate']].filter(isNode).filter(runs).flatMap(branchPlaces);
    case 'ArrowFunctionExpression': {
      const body = child(node, 'body');
      if (body.type === 'BlockStatement') return [];
      return [expressionPlace(code.lastIndexOf('=>', body.start) + 2, node.end)];
    }
    case 'AssignmentPattern':
      return [expressionPlace(child(node, 'right').start, node.end)];
    case 'PropertyDefinition':
      return isNode(node['value']) ? [expressionPlace(node['value'].start, node['value'].end)] : [];
    default:
      return [];
  }
}

/** Declarations alone do nothing, and imports are done before any hit. */
function runs(node: Node): boolean {
  if (/^(?:Import|ExportAll|TS|FunctionDeclaration)/.test(node.type) || typeof node['directive'] === 'string')
    return false;
  return !isNode(node['declaration']) || runs(node['declaration']);
}

function statementPlace({ start, end }: Node): Recorded {
  return { place: { start, end }, insert: (hit) => [{ offset: start, text: `${hit};` }] };
}

function branchPlaces(node: Node): readonly Recorded[] {
  const { start, end, type } = node;
  if (type === 'BlockStatement') return [];
  const insert = (hit: string): readonly Insertion[] => [
    { offset: start, text: `{${hit};` },
    { offset: end, text: '}' },
  ];
  return [{ place: { start, end }, insert }];
}

function expressionPlace(start: number, end: number): Recorded {
  const insert = (hit: string): readonly Insertion[] => [
    { offset: start, text: `(${hit},` },
    { offset: end, text: ')' },
  ];
  return { place: { start, end }, insert };
}
