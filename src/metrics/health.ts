import type { ServerResponse } from 'node:http';
import { messageOf } from '../domain/errors.ts';

/** Resolves with what is wrong, or `undefined`. An error it throws counts as a problem too. */
export type Check = () => Promise<string | undefined>;

/** The checks behind the probes of a pod. */
export interface Checks {
  /** `/healthz`: whether a restart could help. */
  readonly live: Check;
  /** `/readyz`: whether calls can be served. */
  readonly ready: Check;
}

/** False if the path is not that of a check. */
export async function answerCheck({ live, ready }: Checks, path: string, response: ServerResponse): Promise<boolean> {
  const check = { '/healthz': live, '/readyz': ready }[path];
  if (!check) return false;
  const problem = await check().catch(messageOf);
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${problem ?? 'ok'}\n`);
  return true;
}
