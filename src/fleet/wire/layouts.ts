import { type Encrypted, parseEncryption, printEncryption } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { Layout, UnknownLayout, Volume } from '../../domain/volume.ts';
import type { Layout as LayoutMessage, LayoutInit } from '../../gen/quarry/node/v1/Layout.ts';
import { readFigure, readNumber } from './bounds.ts';

/** Of a volume, or of one to create. */
type Wanted = Pick<Encrypted, 'headerless'> & { readonly encryption?: Encrypted['encryption'] | undefined };

export function writeLayout(layout: Volume['layout'], { encryption, headerless }: Wanted): LayoutInit {
  if (!encryption) return writePlain(layout);
  return {
    encrypted: { below: writePlain(layout), encryption: printEncryption(encryption), headerless: headerless === true },
  };
}

export function readEncrypted(layout: LayoutMessage | null): Encrypted {
  if (!layout?.encrypted) return {};
  const encryption = parseEncryption(layout.encrypted.encryption) ?? { type: 'unknown' };
  return { encryption, ...(layout.encrypted.headerless && { headerless: true }) };
}

function writePlain(layout: Volume['layout']): LayoutInit {
  if (layout.type === 'unknown') return {};
  if (layout.type === 'thin') return { thin: {} };
  const { stripes, stripeSize, mirrors } = layout;
  return { thick: { stripes, mirrors, stripeSize: String(stripeSize) } };
}

const thin: Layout = { type: 'thin' };
const unknown: UnknownLayout = { type: 'unknown' };

/** A layout that a newer node has made is carried as unknown: the node alone works on that volume. */
export function readLayout(message: LayoutMessage | null): Volume['layout'] {
  if (message?.thin) return thin;
  if (!message?.thick) return unknown;
  const { stripes, stripeSize, mirrors } = message.thick;
  return {
    type: 'thick',
    stripes: readNumber(stripes, 'the number of stripes', [1, 128]),
    stripeSize: readFigure(stripeSize, 'the stripe size'),
    mirrors: readNumber(mirrors, 'the number of mirrors', [0, 9]),
  };
}

/** The second one, if it is equal to the first. */
export function sameLayout(layout: Volume['layout'], like: Volume['layout'] | undefined): Volume['layout'] {
  if (layout.type !== 'thick' || like?.type !== 'thick') return layout;
  const { stripes, stripeSize, mirrors } = layout;
  return stripes === like.stripes && stripeSize === like.stripeSize && mirrors === like.mirrors ? like : layout;
}

/** A newer controller may ask for a layout that this node cannot make. Throws `unimplemented`. */
export function readWantedLayout(message: LayoutMessage | null): Layout {
  const layout = readLayout(message);
  if (layout.type !== 'unknown') return layout;
  throw new Failure('unimplemented', 'this node does not know the layout of the volume asked for: upgrade it');
}
