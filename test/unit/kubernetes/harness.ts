import { onTestFinished } from 'vitest';
import { type Api, createApi } from '../../../src/kubernetes/api.ts';
import { ApiServer } from '../../support/api-server.ts';

/** Milliseconds: short enough for a test, and long enough to be measured. */
export const backoff = { least: 5, most: 20 };

export async function startApiServer(): Promise<{ server: ApiServer; api: Api }> {
  const server = await ApiServer.start();
  const api = createApi({ server: server.url, tokenFile: undefined, caFile: undefined });
  onTestFinished(async () => {
    api.close();
    await server[Symbol.asyncDispose]();
  });
  return { server, api };
}
