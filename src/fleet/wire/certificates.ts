import type { X509Certificate } from 'node:crypto';
import type { NodeName } from '../../domain/ids.ts';

const uri = /^URI:quarry:\/\/node\/([A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?)$/;

/**
 * The node that a certificate speaks for: of its alternative names, the one URI `quarry://node/<name>`. `undefined` where there
 * is none, or more than one.
 */
export function nodeOfCertificate(certificate: X509Certificate): NodeName | undefined {
  const names = certificate.subjectAltName ?? '';
  // Node escapes a comma within a name: none can pass for two.
  const nodes = names.split(', ').flatMap((name) => uri.exec(name)?.[1] ?? []);
  return nodes.length === 1 ? (nodes[0] as NodeName) : undefined;
}
