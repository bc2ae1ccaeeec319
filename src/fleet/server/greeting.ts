import type { NodeName } from '../../domain/ids.ts';
import type { Hello } from '../../gen/quarry/fleet/v1/Hello.ts';
import { versions } from '../wire/protocol.ts';
import type { Refusal } from './refusals.ts';

/** Why a node is refused for its greeting; `undefined`: it is not. */
export function refuseHello(hello: Hello, node: NodeName, driver: string): Refusal | undefined {
  if (hello.oldestVersion > versions.newest || hello.newestVersion < versions.oldest) {
    const [theirs, ours] = [
      `${hello.oldestVersion} to ${hello.newestVersion}`,
      `${versions.oldest} to ${versions.newest}`,
    ];
    const message = `the node (Quarry ${hello.driverVersion}) knows versions ${theirs} of the protocol, this controller ${ours}`;
    return { reason: 'version', message };
  }
  if (hello.driver !== driver) {
    return { reason: 'driver', message: `this is a controller of driver ${driver}, not of "${hello.driver}"` };
  }
  if (hello.node !== node) {
    return { reason: 'identity', message: `the credential is that of node ${node}, not of "${hello.node}"` };
  }
  if (!/^[\w-]{1,64}$/.test(hello.instance)) return { reason: 'malformed', message: 'the instance has no name' };
  return undefined;
}

/** The highest version that both know. */
export function commonVersion(hello: Hello): number {
  return Math.min(hello.newestVersion, versions.newest);
}
