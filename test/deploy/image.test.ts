import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENTRYPOINT, USER } from '../../image/quarry.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');

// `npm run test:image` builds it; these checks need no build.
test('the Dockerfile has the packages, user and entry point of the image that `npm run image` assembles', () => {
  const text = read('Dockerfile');
  const { name, version, description, license } = JSON.parse(read('package.json')) as Record<string, string>;
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      `USER ${USER}`,
      `ENTRYPOINT ${JSON.stringify(ENTRYPOINT).replace(',', ', ')}`,
      'COPY image/packages.txt image/trim.sh /tmp/',
      `ARG VERSION=${version}`,
    ]),
  );
  const labels = [...text.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)].map(([, key, value]) => [
    key,
    value,
  ]);
  const wanted = { title: name, description, licenses: license, version: '${VERSION}' };
  expect(Object.fromEntries(labels)).toEqual(wanted);
});
