import { loadAnyConfig, type AnyConfig } from '../../config/config.ts';
import { Failure } from '../../domain/errors.ts';
import type { Terminal } from '../../cli/command.ts';
import { type Api, createApi } from '../../kubernetes/api.ts';
import { createPersistentVolumes } from '../../kubernetes/persistent-volumes.ts';
import { createTerminalLog } from '../../log.ts';
import { create } from './apply.ts';
import { type KubeObject, recover, type Recovered } from './objects.ts';
import { reportedVolumes, usable } from './read.ts';

interface Given {
  readonly config: string;
  readonly node: string | undefined;
  readonly claims: boolean;
  readonly apply: boolean;
}

/** Prints the objects of the volumes that have no PersistentVolume, or writes them. */
export async function recoverVolumes(given: Given, terminal: Terminal): Promise<string> {
  const found = await loadAnyConfig(given.config);
  const access = found.role === 'controller' ? found.config.kubernetes : undefined;
  if (given.apply && !access) {
    throw new Failure('invalid', '--apply needs a controller with `kubernetes`: pipe the output to kubectl apply -f -');
  }
  const { volumes, left } = usable(await reportedVolumes(found, given.config), given.node);
  for (const reason of left) terminal.say(`Left out: ${reason}.`);
  const api = access && createApi(access);
  try {
    const present = api ? await presentIn(api, found) : new Set<string>();
    const missing = volumes.filter(({ id }) => !present.has(id));
    if (missing.length < volumes.length) terminal.say(`${volumes.length - missing.length} have a PersistentVolume.`);
    const recovered = missing.map((volume) => recover(volume, found.config.driver));
    sayGuesses(recovered, given.claims, terminal);
    const objects = recovered.flatMap(({ volume, claim }) => (given.claims && claim ? [volume, claim] : [volume]));
    return given.apply && api ? await writeAll(api, objects, terminal) : await printAll(objects);
  } finally {
    api?.close();
  }
}

/** The ids of the volumes that have PersistentVolumes, from a new list. */
async function presentIn(api: Api, { config: { driver } }: AnyConfig): Promise<ReadonlySet<string>> {
  return createPersistentVolumes({ api, driver, log: createTerminalLog() }).read(new AbortController().signal);
}

function sayGuesses(recovered: readonly Recovered[], claims: boolean, { say }: Terminal): void {
  for (const { volume, claim, guessed } of recovered) {
    if (guessed !== undefined) say(`Not known of ${volume.metadata.name}: ${guessed}.`);
    else if (claims && !claim) say(`${volume.metadata.name} had no claim.`);
  }
}

/** As `kubectl apply -f -` takes them. */
export async function printAll(objects: readonly KubeObject[]): Promise<string> {
  const { stringify } = await import('yaml');
  return objects.map((object) => stringify(object)).join('---\n');
}

async function writeAll(api: Api, objects: readonly KubeObject[], terminal: Terminal): Promise<string> {
  const lines: string[] = [];
  for (const object of objects) {
    const { object: name, outcome, reason } = await create(api, object);
    if (outcome === 'failed') terminal.fail();
    lines.push(`${name}: ${outcome}${reason === undefined ? '' : `: ${reason}`}\n`);
  }
  return lines.join('');
}
