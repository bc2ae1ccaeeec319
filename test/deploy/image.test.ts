import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENTRYPOINT, USER } from '../../image/quarry.ts';

test('the Dockerfile makes the image that is assembled without a registry', () => {
  const lines = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8').split('\n');
  expect(lines).toContain(`USER ${USER}`);
  expect(lines).toContain(`ENTRYPOINT ${JSON.stringify(ENTRYPOINT).replace(',', ', ')}`);
  expect(lines).toContain('COPY image/packages.txt /tmp/packages.txt');
});
