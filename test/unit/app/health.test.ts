import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { createController } from '../../../src/app/controller.ts';
import { freePort } from '../../support/ports.ts';
import { authority, filesOf, serverCertificate, temporaryFolder } from '../fleet/harness.ts';
import { memoryLog } from '../grpc/harness.ts';

test('a controller without nodes is alive, and is not alive once its socket is deleted', async () => {
  const folder = temporaryFolder();
  const files = filesOf(serverCertificate(), authority.certificate, folder);
  const metrics = `127.0.0.1:${await freePort()}`;
  const text = `
endpoint: unix://${folder}/csi.sock
metrics: { listen: "${metrics}" }
fleet: { listen: "127.0.0.1:0", certificate: ${files.certificate}, key: ${files.key}, clientCa: ${files.ca}, settle: 10m }
`;
  const app = await createController(parseConfig(text, { hostname: 'h' }, 'controller'), memoryLog().log);
  onTestFinished(async () => void (await app.stop(1000)));
  await app.start();
  const probe = async (path: string) => {
    const answer = await fetch(`http://${metrics}${path}`);
    return `${answer.status} ${await answer.text()}`;
  };
  expect(await probe('/healthz')).toBe('200 ok\n');
  expect(await probe('/readyz')).toBe('503 the nodes are given time to attach\n');
  const socket = join(folder, 'csi.sock');
  renameSync(socket, `${socket}.away`);
  expect(await probe('/healthz')).toBe(`503 nothing answers at ${socket}\n`);
  renameSync(`${socket}.away`, socket);
  expect(await probe('/healthz')).toBe('200 ok\n');
});
