import type { Bytes } from '../domain/bytes.ts';
import type { Layout } from '../domain/volume.ts';

/** The `layout` tag: `thin`, or `thick/<stripes>/<stripe size in bytes>/<mirrors>`. */
export function printLayout(layout: Layout): string {
  return layout.type === 'thin' ? 'thin' : `thick/${layout.stripes}/${layout.stripeSize}/${layout.mirrors}`;
}

export function parseLayout(text: string | undefined): Layout | undefined {
  if (text === 'thin') return { type: 'thin' };
  const match = /^thick\/(\d{1,4})\/(\d{1,12})\/(\d{1,2})$/.exec(text ?? '');
  if (!match) return undefined;
  return { type: 'thick', stripes: Number(match[1]), stripeSize: BigInt(match[2] ?? 0), mirrors: Number(match[3]) };
}

/** The options of lvcreate for a layout. */
export function layoutArguments(layout: Layout): string[] {
  if (layout.type === 'thin') return [];
  const stripes = ['-i', String(layout.stripes), '-I', sizeArgument(layout.stripeSize)];
  if (layout.mirrors === 0) return layout.stripes === 1 ? [] : ['--type', 'striped', ...stripes];
  const mirrors = ['-m', String(layout.mirrors)];
  return layout.stripes === 1 ? ['--type', 'raid1', ...mirrors] : ['--type', 'raid10', ...mirrors, ...stripes];
}

export function sizeArgument(bytes: Bytes): string {
  return `${bytes}b`;
}
