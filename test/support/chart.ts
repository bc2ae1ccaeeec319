import { parseAllDocuments } from 'yaml';
import { renderChart } from '../../deploy/render.ts';
import type { KubeObject } from './api-schema.ts';

interface Volume {
  readonly name: string;
  readonly secret?: object;
  readonly hostPath?: { readonly path: string };
}

interface Pod {
  readonly volumes: readonly Volume[];
  readonly hostPID?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken?: boolean;
  readonly containers: readonly {
    readonly ports?: readonly object[];
    readonly env?: readonly object[];
    readonly imagePullPolicy: string;
    readonly livenessProbe?: object;
    readonly resources: { readonly requests: { readonly memory: string } };
  }[];
}

/** The fields that tests read from the objects of the chart. */
export interface ChartObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly subjects?: readonly { readonly kind: string; readonly name: string }[];
  readonly rules?: readonly object[];
  readonly automountServiceAccountToken?: boolean;
  readonly spec?: { readonly template?: { readonly spec: Pod } };
}

/** What the chart needs in addition to its defaults: the name of the image, and certificates that it does not make. */
export const given = {
  image: { registry: 'registry.example', repository: 'quarry' },
  certificates: { from: 'existing', secret: 'my-secret', authority: 'my-authority' },
};

/** Values with which backup programs get the changed blocks. */
export const withChangedBlocks = {
  controller: { snapshotter: { enabled: true }, snapshotMetadata: { enabled: true, authority: 'PEM of an authority' } },
};

/** The objects of the chart with these values, and with those that are needed. */
export async function renderObjects(values: object): Promise<ChartObject[]> {
  const image = { ...given.image, ...('image' in values && (values.image as object)) };
  return parseObjects(await renderChart({ ...given, ...values, image }, 'v1.36.0'));
}

export function parseObjects(text: string): ChartObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    for (const error of document.errors) throw error;
    const object = document.toJS() as ChartObject | null;
    return object === null ? [] : [object];
  });
}

export function findObject(objects: readonly ChartObject[], kind: string, name: string): ChartObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

export function podOf(objects: readonly ChartObject[], kind: 'DaemonSet' | 'Deployment', name: string): Pod {
  const pod = findObject(objects, kind, name).spec?.template?.spec;
  if (pod === undefined) throw new Error(`${name} has no pods`);
  return pod;
}
