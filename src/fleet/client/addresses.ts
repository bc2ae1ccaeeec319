import { lookup } from 'node:dns/promises';

/** A name and a port of controllers; the name may resolve to many addresses. */
export interface Controllers {
  readonly name: string;
  readonly port: number;
}

/** One controller: an address that a name resolved to. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The name that its certificate must be for. */
  readonly name: string;
}

export type Resolve = (controllers: Controllers) => Promise<readonly Address[]>;

/** All addresses of a name, as the host resolves names; a headless Service has one for each replica. */
export const resolveName: Resolve = async ({ name, port }) => {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => ({ host: address, port, name }));
};

export function keyOf({ host, port, name }: Address): string {
  return `${name} ${host} ${port}`;
}
