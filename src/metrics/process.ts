import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { version } from '../version.ts';
import type { Families } from './metrics.ts';

/** What runs. */
export function buildFamilies(role: 'all' | 'node' | 'controller'): Families {
  return {
    gauges: [
      {
        name: 'quarry_build_info',
        help: '1, with the version and the role of the process',
        labelNames: ['version', 'role'],
        collect() {
          this.set({ version, role }, 1);
        },
      },
    ],
  };
}

/** @param path PEM file with the certificate that the process shows; its first is the process's own */
export function certificateFamilies(path: string | undefined): Families {
  return {
    gauges: [
      {
        name: 'quarry_certificate_expiration_timestamp_seconds',
        help: 'When the certificate that the process shows to others expires, in seconds since 1970; no sample: it has none, or the file could not be read',
        async collect() {
          const expires = path === undefined ? undefined : await expiryIn(path);
          if (expires === undefined) this.remove();
          else this.set(expires);
        },
      },
    ],
  };
}

async function expiryIn(path: string): Promise<number | undefined> {
  try {
    return Date.parse(new X509Certificate(await readFile(path)).validTo) / 1000;
  } catch {
    return undefined;
  }
}
