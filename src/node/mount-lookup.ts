import { Failure } from '../domain/errors.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Mount } from '../domain/mounts.ts';
import type { NodeTools } from './ports.ts';
import type { PathRequest } from './requests.ts';

/** The file on which a raw block volume's device node is bind-mounted to stage it. The mount is the only record of the stage. */
export function blockStaging(staging: string): string {
  return `${staging}/device`;
}

export function layersAt(table: readonly Mount[], path: string): Mount[] {
  return table.filter((mount) => mount.target === path);
}

/** The mount that a process gets when it opens the path. */
export function topAt(table: readonly Mount[], path: string): Mount | undefined {
  return layersAt(table, path).at(-1);
}

/** Targets of a device other than the paths given, each once. */
export function otherTargets(table: readonly Mount[], device: string, paths: readonly string[]): string[] {
  const targets = table.filter((mount) => mount.device === device && !paths.includes(mount.target));
  return [...new Set(targets.map((mount) => mount.target))];
}

export interface Located {
  readonly device: string;
  readonly mount: Mount;
  readonly table: readonly Mount[];
}

/** The volume's own mount at a path where it was staged or published. Throws `not-found`. */
export async function locate(tools: NodeTools, { id, path }: PathRequest, signal: AbortSignal): Promise<Located> {
  const open = await tools.devices.find(id, signal);
  if (!open) throw notAt(id, path);
  const { device } = open;
  const number = await tools.mounts.deviceNumber(device);
  const resolved = await tools.mounts.resolve(path);
  const table = await tools.mounts.read();
  const mount = [topAt(table, resolved), topAt(table, blockStaging(resolved))].find((top) => top?.device === number);
  if (!mount) throw notAt(id, path);
  return { device, mount, table };
}

function notAt(id: VolumeId, path: string): Failure {
  return new Failure('not-found', `volume ${id} is not at ${path}`);
}
