import { createHash, type X509Certificate } from 'node:crypto';
import { isFailure, messageOf } from '../../domain/errors.ts';
import type { NodeName } from '../../domain/ids.ts';
import type { Refusal } from './refusals.ts';
import { Reviews } from './reviews.ts';

/** The node that a token names. */
export interface Authenticated {
  readonly node: NodeName;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Of the pod that the token is bound to. */
  readonly podUid?: string | undefined;
}

/**
 * Checks a bearer token. Throws `unavailable` when it could not be checked, and any other failure when it is not one of a node
 * of ours.
 */
export type Authenticate = (token: string, signal?: AbortSignal) => Promise<Authenticated>;

export interface Identity extends Authenticated {
  /** A digest of the token; a certificate needs none, since its key never leaves the node. */
  readonly token?: string;
}

/** The credentials of a peer. */
export interface Credentials {
  readonly certificate: X509Certificate | undefined;
  /** The metadata `authorization`. */
  readonly authorization: string | undefined;
  /** Of the peer, without the port. */
  readonly address: string;
  /** Fires when the peer has left. */
  readonly signal: AbortSignal;
}

export type Identify = (credentials: Credentials) => Promise<Identity | Refusal>;

const uri = /^URI:quarry:\/\/node\/([A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?)$/;

/**
 * The node that a certificate is for: of its alternative names, the one URI `quarry://node/<name>`. `undefined` where there
 * is none, or more than one.
 */
function nodeOfCertificate(certificate: X509Certificate): NodeName | undefined {
  const names = certificate.subjectAltName ?? '';
  // Node escapes a comma within a name, so that no name reads as two.
  const nodes = names.split(', ').flatMap((name) => uri.exec(name)?.[1] ?? []);
  return nodes.length === 1 ? (nodes[0] as NodeName) : undefined;
}

/** Identifies a node by its certificate, which TLS has checked against our authority. */
export function byCertificate(): Identify {
  return async ({ certificate }) => {
    const node = certificate && nodeOfCertificate(certificate);
    if (certificate && node) return { node, expires: certificate.validToDate.getTime() };
    return { reason: 'certificate', message: 'the certificate names no node: it needs one URI quarry://node/<name>' };
  };
}

/** Identifies a node by its bearer token, which `authenticate` checks (TokenReview in Kubernetes). */
export function byToken(authenticate: Authenticate): Identify {
  const reviews = new Reviews();
  return async ({ authorization, address, signal }) => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { reason: 'token', message: 'no bearer token was sent' };
    try {
      const { node, expires, podUid } = await reviews.run({ address, signal }, (left) => authenticate(token, left));
      return { node, expires, podUid, token: createHash('sha256').update(token).digest('base64') };
    } catch (error) {
      if (isFailure(error, 'unavailable') || isFailure(error, 'cancelled'))
        return { reason: 'unchecked', message: error.message };
      return { reason: 'token', message: messageOf(error) };
    }
  };
}
