import { Failure } from '../../domain/errors.ts';

/**
 * The one that a person means: the only one of those found for an id, and for a node where one was named. Throws `precondition` for none, and for
 * several, which differ in their nodes.
 */
export function onlyOne<Found extends { readonly node: string }>(found: readonly Found[], id: string): Found {
  const [one, another] = found;
  if (!one) throw notShown(id);
  if (!another) return one;
  const nodes = found.map(({ node }) => node).join(', ');
  throw new Failure('precondition', `${id} is on nodes ${nodes}: name one of them with --node`);
}

/** The refusal of what is no orphan. */
export function notShown(id: string): Failure {
  return new Failure('precondition', `${id} is none of the orphans that \`quarry orphans\` shows`);
}
