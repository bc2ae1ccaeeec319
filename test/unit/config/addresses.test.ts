import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDriverName, parseEndpoint, parseListen } from '../../../src/config/addresses.ts';

test.each(['unix:///run/csi.sock', 'unix:/run/csi.sock', '/run/csi.sock'])('accepts the socket %s', (text) => {
  expect(parseEndpoint(text)).toEqual({ address: 'unix:///run/csi.sock', path: '/run/csi.sock' });
});

test.each([
  '',
  'csi.sock',
  'unix://run/csi.sock',
  'tcp://1.2.3.4:5',
  '/run/',
  '//run/x',
  `/${'x'.repeat(107)}`,
  '/a\0b',
])('rejects the socket %j', (text) => expect(parseEndpoint(text)).toBeUndefined());

test('accepts a socket path of 107 bytes and rejects one of 108', () => {
  expect(parseEndpoint(`/${'x'.repeat(106)}`)?.path).toHaveLength(107);
  expect(parseEndpoint(`/${'é'.repeat(54)}`)).toBeUndefined();
});

test('a listener is a host and a port', () => {
  expect(parseListen('127.0.0.1:9809')).toEqual({ host: '127.0.0.1', port: 9809 });
  expect(parseListen('[::1]:0')).toEqual({ host: '::1', port: 0 });
  expect(parseListen('localhost:65535')).toEqual({ host: 'localhost', port: 65_535 });
  const others = ['', ':9809', '9809', 'host', 'host:', 'host:65536', '::1:9809', 'a b:1'];
  expect(others.filter((text) => parseListen(text))).toEqual([]);
});

test('driver names are lower-case domains with a letter at both ends', () => {
  for (const text of ['lvm.quarry.csi', 'a', 'a1.2b', `a${'.b'.repeat(31)}`]) expect(parseDriverName(text)).toBe(text);
  const others = ['', '1a', 'a1', 'A.b', 'a..b', 'a-.b', 'a.-b', 'a_b', '.a', 'a.', `a${'.b'.repeat(31)}c`];
  expect(others.filter((text) => parseDriverName(text) !== undefined)).toEqual([]);
});

test('every accepted driver name fits the specification', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.-]{0,70}$/), (text) => {
      if (parseDriverName(text) === undefined) return;
      expect(text).toMatch(/^[a-z]([-a-z0-9.]*[a-z])?$/);
      expect(text.length).toBeLessThanOrEqual(63);
    }),
  );
});
