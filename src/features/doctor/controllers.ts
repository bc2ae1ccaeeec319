import { messageOf } from '../../domain/errors.ts';
import type { Address, Controllers } from '../../fleet/client/addresses.ts';
import type { Pems } from '../../fleet/wire/credentials.ts';
import { type Finding, error, ok, unknown, warning } from './finding.ts';
import type { Host } from './host.ts';

/** Whether the names of the controllers resolve. */
export async function checkNames({ resolve }: Pick<Host, 'resolve'>, names: readonly Controllers[]) {
  return Promise.all(names.map(async (controllers) => nameFinding(controllers, resolve)));
}

async function nameFinding(controllers: Controllers, resolve: Host['resolve']): Promise<Finding> {
  const { name } = controllers;
  const remedy =
    'compare fleet.controllers with the Service of the controllers; a node pod needs dnsPolicy ClusterFirstWithHostNet';
  try {
    const found = await resolve(controllers);
    if (found.length > 0) return ok(`${name} is ${found.map(({ host }) => host).join(', ')}`);
    return error(`${name} has no address`, remedy);
  } catch (cause) {
    return error(`${name} does not resolve: ${messageOf(cause)}`, remedy);
  }
}

/** Milliseconds by which the clocks of two machines may differ. */
const tolerated = 5000;
/** Beyond this, tokens and certificates are refused. */
const refused = 60_000;

/** Whether each controller answers over TLS with a certificate that this node trusts, and how its clock differs. */
export async function checkConnections(host: Host, names: readonly Controllers[], pems: () => Promise<Pems>) {
  const own = await pems();
  const addresses = (await Promise.all(names.map(async (name) => host.resolve(name).catch(() => [])))).flat();
  if (addresses.length === 0) {
    return [unknown('no controller has an address', 'mend the names of the controllers first')];
  }
  return (await Promise.all(addresses.map(async (address) => connectionFindings(host, address, own)))).flat();
}

async function connectionFindings({ greet, now }: Host, address: Address, pems: Pems): Promise<Finding[]> {
  const place = `the controller ${address.name} at ${address.host}:${address.port}`;
  try {
    return clockFindings(place, await greet(address, pems), now());
  } catch (cause) {
    const what = `${place} cannot be reached: ${messageOf(cause)}`;
    return [
      error(what, 'start it, open its port for the nodes, and compare fleet.ca with the authority of its certificate'),
    ];
  }
}

/** From both clocks at the same moment, in milliseconds since the epoch. */
export function clockFindings(place: string, theirs: number | undefined, ours: number): Finding[] {
  if (theirs === undefined) return [ok(`${place} answers`), unknown('its clock is not known', 'compare the clocks')];
  const apart = Math.abs(theirs - ours);
  if (apart <= tolerated) return [ok(`${place} answers, and its clock agrees`)];
  const what = `the clock of this machine is ${Math.round(apart / 1000)} s ${ours > theirs ? 'ahead of' : 'behind'} that of ${place}`;
  return [(apart >= refused ? error : warning)(what, 'synchronise both clocks, for example with chrony')];
}
