import type { Answer } from './caller.ts';
import { isAllowed, isOffered } from './codes.ts';
import type { Planned } from './requests.ts';
import { farNames, groupNames, snapshotNames, victim } from './subjects.ts';

/** Characters of an answer's text that a client must be able to take. */
const longestMessage = 4096;

/** What is wrong with an answer; `undefined`: nothing. `far`: another node may have decided about it. */
export function problemOf(planned: Planned, answer: Answer, far = isFar(planned)): string | undefined {
  const { method, broken = false, cancelAfter, bytes, fields } = planned;
  const wrong = (what: string): string =>
    `${method.path} (${planned.kind}): ${what}; ${answer.code} "${answer.message.slice(0, 300)}", request ${shown(bytes)}`;
  if (broken) return undefined;
  if (cancelAfter !== undefined && (answer.code === 'CANCELLED' || answer.code === 'none')) return undefined;
  if (answer.code === 'none') return wrong('it got no answer');
  if (planned.kind === 'oversized') {
    return answer.code === 'RESOURCE_EXHAUSTED' || !isOffered(method.path)
      ? undefined
      : wrong('too large and accepted');
  }
  if (!isAllowed(method.path, answer.code, far)) return wrong('a code that this call never has');
  if (fields === undefined && isOffered(method.path) && answer.code !== 'INVALID_ARGUMENT') {
    return wrong('it is no message, and was not refused');
  }
  if (answer.code !== 'OK' && answer.message === '') return wrong('it says nothing');
  if (answer.message.length > longestMessage) return wrong('its text is too long');
  return answer.code === 'OK' ? acceptedWrongly(planned, wrong) : undefined;
}

/** Rules of CSI that are checked without the driver's own code. */
function acceptedWrongly({ method, fields = {} }: Planned, wrong: (what: string) => string): string | undefined {
  if (!method.path.startsWith('/csi.v1.')) return undefined;
  // NodeGetVolumeHealth does nothing with its paths.
  const used = method.path.endsWith('Health') ? [] : ['targetPath', 'stagingTargetPath'];
  const paths = used.map((name) => fields[name]);
  if (paths.some((path) => typeof path === 'string' && (path.split('/').includes('..') || path.includes('\0')))) {
    return wrong('a path with ".." or a zero byte was accepted');
  }
  for (const [name, value] of Object.entries(fields)) {
    const most = name.endsWith('Path') ? 4096 : name === 'nodeId' ? 256 : 128;
    if (typeof value === 'string' && Buffer.byteLength(value) > most) return wrong(`${name} is too long, and accepted`);
  }
  const missing = ['name', 'volumeId'].filter((name) => fields[name] === '');
  return missing.length > 0 ? wrong(`${missing.join(', ')} is missing, and accepted`) : undefined;
}

/** Whether a node other than the victim may decide about the answer. */
export function isFar({ method, fields }: Pick<Planned, 'method' | 'fields'>): boolean {
  if (method.path === '/csi.v1.Controller/CreateVolume') {
    const requirement = fields?.['accessibilityRequirements'] as
      | Record<string, { segments?: object }[] | undefined>
      | undefined
      | null;
    const segments = (requirement?.['requisite'] ?? []).flatMap((one) => Object.values(one.segments ?? {}));
    const mayBeElsewhere = farNames.some((name) => name === fields?.['name']);
    return (
      mayBeElsewhere ||
      idsIn(fields).some(isForeign) ||
      segments.length === 0 ||
      segments.some((node) => node !== victim)
    );
  }
  if (method.path.endsWith('Orphan') && fields?.['node'] !== victim) return true;
  // A node may claim any other name.
  const own = ownNames[method.path];
  if (own?.every((name) => name !== fields?.['name'])) return true;
  return /^\/(?:csi\.v1\.\w*(?:Controller|Metadata)|quarry\.admin)/.test(method.path) && idsIn(fields).some(isForeign);
}

const ownNames: Readonly<Record<string, readonly string[]>> = {
  '/csi.v1.Controller/CreateSnapshot': snapshotNames,
  '/csi.v1.GroupController/CreateVolumeGroupSnapshot': groupNames,
};

/** The texts of fields whose names end with "id" or "ids", also within other messages. */
function idsIn(fields: Planned['fields']): string[] {
  return Object.entries(fields ?? {}).flatMap(([key, value]) => {
    if (/ids?$/i.test(key)) return [value].flat().filter((text) => typeof text === 'string');
    return key === 'volumeContentSource' || key === 'snapshot' || key === 'volume' ? idsIn(value as never) : [];
  });
}

function isForeign(id: string): boolean {
  return /^(?!n1:).+:/.test(id);
}

function shown(bytes: Buffer): string {
  return bytes.length > 2000
    ? `${bytes.toString('base64', 0, 2000)}… (${bytes.length} bytes)`
    : bytes.toString('base64');
}
