import { createPrivateKey, X509Certificate } from 'node:crypto';
import { messageOf } from '../../domain/errors.ts';
import { expiryOf } from '../../kubernetes/token.ts';
import { type Finding, error, ok, unknown, warning } from './finding.ts';
import type { Host } from './host.ts';

const day = 86_400_000;
/** Milliseconds before the end of a certificate from which it should be replaced. */
const soon = 30 * day;

interface Files {
  /** Paths of PEM files with certificates, the first with that of `key`. */
  readonly certificates: readonly string[];
  readonly key?: string | undefined;
  /** An alternative name that the first certificate must have. */
  readonly identity?: string;
}

/** Whether each file has certificates that are valid now and for a while, and whether the key fits. */
export async function checkCertificates({ readFile, now }: Pick<Host, 'readFile' | 'now'>, files: Files) {
  const findings: Finding[] = [];
  for (const path of files.certificates) findings.push(...certificateFindings(path, await readFile(path), now()));
  const [first] = files.certificates;
  if (files.key !== undefined && first !== undefined && findings.every(({ outcome }) => outcome !== 'error')) {
    findings.push(...keyFindings(first, await readFile(first), files.key, await readFile(files.key), files.identity));
  }
  return findings.length > 0 ? findings : [ok(`valid: ${files.certificates.join(', ')}`)];
}

/** Nothing for a file whose certificates are valid for a month and more. */
function certificateFindings(path: string, pem: string | undefined, now: number): Finding[] {
  const renew = 'renew it; with the chart, see its value `certificates.from`';
  if (pem === undefined) return [error(`${path} does not exist`, 'mount the Secret or ConfigMap that has it')];
  try {
    const found = pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) return [error(`${path} has no certificate`, 'write certificates in PEM into it')];
    return found.flatMap((text) => {
      const { validFromDate, validToDate, subject } = new X509Certificate(text);
      const name = `${path} (${subject.replaceAll('\n', ', ')})`;
      if (validToDate.getTime() <= now) return [error(`${name} expired at ${validToDate.toISOString()}`, renew)];
      if (validFromDate.getTime() > now) {
        const what = `${name} is not valid before ${validFromDate.toISOString()}`;
        return [error(what, 'set the clock of this machine')];
      }
      if (validToDate.getTime() - now > soon) return [];
      return [warning(`${name} expires at ${validToDate.toISOString()}`, renew)];
    });
  } catch (cause) {
    return [error(`${path} has a certificate that cannot be read: ${messageOf(cause)}`, renew)];
  }
}

function keyFindings(
  path: string,
  pem: string | undefined,
  keyPath: string,
  key: string | undefined,
  identity?: string,
) {
  if (pem === undefined) return [];
  if (key === undefined) return [error(`${keyPath} does not exist`, 'mount the Secret that has it')];
  const leaf = new X509Certificate(pem);
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key))) {
      return [error(`${keyPath} is not the key of ${path}`, 'replace both files together')];
    }
  } catch {
    // Without the error: it may quote the key.
    return [error(`${keyPath} has no private key in PEM`, 'replace both files together')];
  }
  if (identity === undefined || leaf.subjectAltName?.split(', ').includes(`URI:${identity}`)) return [];
  const what = `${path} is not for this node: it has ${leaf.subjectAltName ?? 'no alternative name'}`;
  return [error(what, `issue a certificate with the URI ${identity}`)];
}

/** A token of a ServiceAccount: kubelet renews it long before its end. */
export async function checkToken({ readFile, now }: Pick<Host, 'readFile' | 'now'>, path: string): Promise<Finding[]> {
  const text = await readFile(path);
  const remedy = 'mount a projected ServiceAccount token there; kubelet renews it';
  if (text === undefined) return [error(`${path} does not exist`, remedy)];
  if (text.trim() === '') return [error(`${path} is empty`, remedy)];
  let expiry: number;
  try {
    expiry = expiryOf(text.trim()) * 1000;
  } catch (cause) {
    return [unknown(`${path}: ${messageOf(cause)}`, 'compare it with what the controller accepts')];
  }
  const at = new Date(expiry).toISOString();
  if (expiry <= now())
    return [error(`the token ${path} expired at ${at}`, `${remedy}: restart the pod if it does not`)];
  return [ok(`${path} is valid until ${at}`)];
}
