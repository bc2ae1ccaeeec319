import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import type { Role } from '../../../src/config/schema.ts';
import { isFailure } from '../../../src/domain/errors.ts';

const environment = { hostname: 'host-1' };

function problemsOf(text: string, role: Role): string[] {
  try {
    parseConfig(text, environment, role);
    return [];
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    return error.message.split('\n');
  }
}

const node = (fleet: string) => `pools: []\nfleet: {controllers: "c:9443", ca: /ca, ${fleet}}`;
const controller = (fleet: string) => `fleet: {listen: "0.0.0.0:9443", certificate: /crt, key: /key, ${fleet}}`;

describe('quarry node', () => {
  test('dials one name or several', () => {
    const read = (controllers: string) =>
      parseConfig(`pools: []\nfleet: {controllers: ${controllers}, ca: /ca, token: /t}`, environment, 'node').fleet;
    expect(read('"c.quarry.svc:9443"').controllers).toEqual([{ name: 'c.quarry.svc', port: 9443 }]);
    expect(read('["a:1", "b:2"]').controllers).toEqual([
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ]);
  });

  test('authenticates in exactly one way, completely configured', () => {
    expect(problemsOf(node('token: /t'), 'node')).toEqual([]);
    expect(problemsOf(node('certificate: /c, key: /k'), 'node')).toEqual([]);
    expect(problemsOf(node(''), 'node')).toEqual([
      'fleet.token: is missing: it or certificate and key is needed to authenticate this node',
    ]);
    expect(problemsOf(node('certificate: /c'), 'node')).toEqual(['fleet.key: is missing: certificate needs it']);
    expect(problemsOf(node('token: /t, key: /k'), 'node')).toEqual([
      'fleet.key: conflicts with token: give one of the two to authenticate this node',
    ]);
  });

  test('names every problem', () => {
    const text = 'pools: []\nfleet: {controllers: [10.0.0.1:9443, c, "c:0"], ca: ca.crt, listen: "c:1"}';
    expect(problemsOf(text, 'node')).toEqual([
      'fleet.controllers[0]: must be a DNS name: the certificate of a controller is for one',
      'fleet.controllers[1]: must be name:port, such as quarry-controller.quarry.svc:9443',
      'fleet.controllers[2]: must be name:port, such as quarry-controller.quarry.svc:9443',
      'fleet.ca: must be an absolute path',
      'fleet.listen: unknown key; known here: controllers, ca, token, certificate, key',
      'fleet.token: is missing: it or certificate and key is needed to authenticate this node',
    ]);
    expect(problemsOf('pools: []', 'node')).toEqual(['fleet: is missing']);
  });
});

describe('quarry controller', () => {
  test('needs no pools and no node', () => {
    expect(parseConfig(controller('clientCa: /ca'), environment, 'controller')).toEqual({
      driver: 'lvm.quarry.csi',
      endpoint: { address: 'unix:///run/quarry/csi.sock', path: '/run/quarry/csi.sock' },
      log: { level: 'info' },
      placement: 'spread',
      admin: { address: 'unix:///run/quarry/admin.sock', path: '/run/quarry/admin.sock' },
      fleet: {
        listen: { host: '0.0.0.0', port: 9443 },
        certificate: '/crt',
        key: '/key',
        clientCa: '/ca',
        settle: 15_000,
        settleLimit: 120_000,
      },
    });
  });

  test('serves metrics over TLS only where the API server can check the callers', () => {
    const text = `${controller('clientCa: /ca')}\nmetrics: {listen: "0.0.0.0:1", secureListen: "0.0.0.0:2"}`;
    expect(problemsOf(text, 'controller')).toEqual([
      'metrics.secureListen: needs kubernetes: the API server checks the callers',
    ]);
    expect(problemsOf(`${text}\nkubernetes: {server: "https://10.0.0.1"}`, 'controller')).toEqual([]);
  });

  test('serves metrics of a node over TLS with a certificate of their own, and uses the API server for nothing else', () => {
    const text = `${node('token: /t')}\nmetrics: {listen: "127.0.0.1:1", secureListen: "0.0.0.0:2"}`;
    expect(problemsOf(text, 'node')).toEqual([
      'metrics.certificate: is missing: secureListen needs it',
      'metrics.key: is missing: secureListen needs it',
      'metrics.secureListen: needs kubernetes: the API server checks the callers',
    ]);
    const whole = text.replace('"0.0.0.0:2"', '"0.0.0.0:2", certificate: /c, key: /k');
    expect(problemsOf(`${whole}\nkubernetes: {server: "https://10.0.0.1"}`, 'node')).toEqual([]);
    expect(problemsOf(`${node('token: /t')}\nkubernetes: {server: "https://10.0.0.1"}`, 'node')).toEqual([
      'kubernetes: has no use without metrics.secureListen',
    ]);
  });

  test('authenticates the nodes in exactly one way, completely configured', () => {
    const byToken = controller('tokenAudience: q, serviceAccount: "q:node"');
    expect(problemsOf(byToken, 'controller')).toEqual([
      'kubernetes: is missing: the API server checks the tokens of the nodes',
    ]);
    expect(problemsOf(`${byToken}\nkubernetes: {server: "https://10.0.0.1"}`, 'controller')).toEqual([]);
    expect(problemsOf(controller('tokenAudience: q'), 'controller')).toEqual([
      'fleet.serviceAccount: is missing: tokenAudience needs it',
    ]);
    expect(problemsOf(controller(''), 'controller')).toEqual([
      'fleet.clientCa: is missing: it or tokenAudience and serviceAccount is needed to authenticate the nodes',
    ]);
    expect(problemsOf(controller('clientCa: /ca, tokenAudience: q, serviceAccount: "q:node"'), 'controller')).toEqual([
      'fleet.tokenAudience: conflicts with clientCa: give one of the two to authenticate the nodes',
    ]);
  });

  test('uses the API server and the credentials of its pod', () => {
    const text = `kubernetes: {}\n${controller('clientCa: /ca')}`;
    const server = (apiServer: string) =>
      parseConfig(text, { ...environment, apiServer }, 'controller').kubernetes?.server.href;
    expect(server('https://10.96.0.1:443')).toBe('https://10.96.0.1/');
    expect(problemsOf(text, 'controller')).toEqual(['kubernetes.server: is missing']);
    const { kubernetes } = parseConfig(text, { ...environment, apiServer: 'https://10.96.0.1' }, 'controller');
    expect(kubernetes).toEqual({
      server: new URL('https://10.96.0.1/'),
      tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
      nodeGone: 'keep',
      nodeGoneAfter: 3_600_000,
      orphansAfter: 900_000,
      snapshots: 'ignore',
    });
  });

  test.each(['http://10.96.0.1', 'ftp://localhost', 'localhost:8001'])('never sends its token to %s', (server) => {
    expect(problemsOf(`kubernetes: {server: "${server}"}\n${controller('clientCa: /ca')}`, 'controller')).toEqual([
      'kubernetes.server: must be a URL such as https://10.96.0.1:443; http only on this machine',
    ]);
  });

  test.each(['0.0.0.0:9811', '10.0.0.1:9811', '[::]:9811', '127.0.0.1'])('serves no status page on %s', (listen) => {
    const text = `statusPage: {listen: "${listen}"}\n${controller('clientCa: /ca')}`;
    expect(problemsOf(text, 'controller')).toEqual([
      'statusPage.listen: must be a port of loopback, such as 127.0.0.1:9811',
    ]);
  });

  test("puts the admin socket into the folder of the sidecars' socket, unless configured", () => {
    const read = (text: string) => parseConfig(`${text}\n${controller('clientCa: /ca')}`, environment, 'controller');
    expect(read('endpoint: unix:///csi/csi.sock').admin.path).toBe('/csi/admin.sock');
    expect(read('admin: /run/o.sock').admin.path).toBe('/run/o.sock');
  });

  test('refuses the keys of a machine with disks, and a machine refuses the keys of a fleet', () => {
    expect(problemsOf(`pools: []\nrescan: 1s\n${controller('clientCa: /ca')}`, 'controller')).toEqual([
      'pools: belongs to quarry all and quarry node only',
      'rescan: belongs to quarry all and quarry node only',
    ]);
    expect(problemsOf(node('token: /t'), 'all')).toEqual(['fleet: belongs to quarry node and quarry controller only']);
  });
});
