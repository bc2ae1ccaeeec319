import type { ServerResponse } from 'node:http';
import { messageOf } from '../domain/errors.ts';

/** Answers what is wrong, or nothing. May throw, which is as wrong. */
export type Check = () => Promise<string | undefined>;

/** What the probes of a pod ask for. */
export interface Checks {
  /** `/healthz`: whether a new process might do better than this one. */
  readonly live: Check;
  /** `/readyz`: whether calls can be served. */
  readonly ready: Check;
}

/** False where the path is none of a check. */
export async function answerCheck({ live, ready }: Checks, path: string, response: ServerResponse): Promise<boolean> {
  const check = { '/healthz': live, '/readyz': ready }[path];
  if (!check) return false;
  const problem = await check().catch(messageOf);
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${problem ?? 'ok'}\n`);
  return true;
}
