/**
 * What the PersistentVolume of a volume says and the volume does not: with it, the object can be written again. Names are those of
 * Kubernetes.
 */
export interface PersistentVolumeRecord {
  readonly name: string;
  readonly claim?: { readonly namespace: string; readonly name: string } | undefined;
  readonly storageClass?: string | undefined;
  readonly attributesClass?: string | undefined;
  readonly reclaimPolicy: string;
  readonly accessModes: readonly string[];
  readonly volumeMode: string;
  readonly fsType?: string | undefined;
  readonly mountOptions: readonly string[];
}

/** Characters. LVM's tags have 1024 bytes at most, with their key, and names in Kubernetes need no more than 900. */
export const longestRecord = 1000;

/** Mount options that do not fit are left out. */
export function printRecord(record: PersistentVolumeRecord): string {
  const { claim, mountOptions, accessModes } = record;
  const fields = new URLSearchParams({ pv: record.name });
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined) fields.append(key, value);
  };
  add('namespace', claim?.namespace);
  add('claim', claim?.name);
  add('class', record.storageClass);
  add('attributes', record.attributesClass);
  add('policy', record.reclaimPolicy);
  for (const mode of accessModes) add('access', mode);
  add('mode', record.volumeMode);
  add('fs', record.fsType);
  const least = fields.toString();
  for (const option of mountOptions) add('mount', option);
  const whole = fields.toString();
  return whole.length > longestRecord ? least : whole;
}

/** `undefined` for a text without the name of a PersistentVolume. Unknown fields, of a newer version, are left out. */
export function parseRecord(text: string): PersistentVolumeRecord | undefined {
  const fields = new URLSearchParams(text);
  const get = (key: string): string | undefined => fields.get(key) ?? undefined;
  const [name, namespace, claim] = [get('pv'), get('namespace'), get('claim')];
  if (name === undefined || name === '') return undefined;
  return {
    name,
    claim: namespace === undefined || claim === undefined ? undefined : { namespace, name: claim },
    storageClass: get('class'),
    attributesClass: get('attributes'),
    reclaimPolicy: get('policy') ?? 'Retain',
    accessModes: fields.getAll('access'),
    volumeMode: get('mode') ?? 'Filesystem',
    fsType: get('fs'),
    mountOptions: fields.getAll('mount'),
  };
}
