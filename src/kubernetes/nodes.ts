import type { NodeName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { createInformer } from './informer.ts';
import { node as nodeObject } from './objects.ts';

export interface NodeWatchOptions {
  readonly api: Api;
  readonly log: Log;
  /** The node's name in ids and topology, from its name in Kubernetes. */
  readonly nodeName: (name: string) => NodeName;
  /** The label that kubelet sets on a node when the driver is registered. */
  readonly label: string;
  /** Milliseconds that a Node must have been gone before its disks count as gone. */
  readonly grace: number;
  readonly backoff?: { readonly least: number; readonly most: number };
  readonly now?: () => number;
}

export interface NodeWatch {
  start(): void;
  /** True if Kubernetes has no Node of that name now. False while that is not known. */
  deleted(node: NodeName): boolean;
  /** The nodes that are Ready and have the driver's label: they are expected to connect. `undefined` while that is not known. */
  expected(): readonly NodeName[] | undefined;
  /** True only when Kubernetes has had no Node of that name for the whole grace, all of which was watched. */
  gone(node: NodeName): boolean;
  stop(): Promise<void>;
}

/** Distinguishes a node that Kubernetes has deleted, or cannot reach, from one that has only lost its stream. */
export function createNodeWatch(options: NodeWatchOptions): NodeWatch {
  const { nodeName, label, grace, now = Date.now, ...rest } = options;
  const goneAt = new Map<string, number>();
  const mirror = createInformer<{ readonly expected: boolean }>({
    ...rest,
    now,
    path: '/api/v1/nodes',
    read(object) {
      const { metadata, status } = nodeObject.parse(object);
      const ready = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      return [nodeName(metadata.name), { expected: ready === true && metadata.labels?.[label] !== undefined }];
    },
    removed(node) {
      // Once the grace is over, the start of the view is enough to decide.
      for (const [name, at] of goneAt) if (now() - at >= grace) goneAt.delete(name);
      goneAt.set(node, now());
    },
  });
  /** An empty list of nodes more likely means that the API server has lost its data. */
  const seen = () => {
    const view = mirror.view();
    return view && view.entries.size > 0 ? view : undefined;
  };
  return {
    start: () => mirror.start(),
    deleted: (node) => seen()?.entries.has(node) === false,
    expected() {
      const entries = seen()?.entries;
      return entries && [...entries].flatMap(([node, { expected }]) => (expected ? [node as NodeName] : []));
    },
    gone(node) {
      const view = seen();
      if (!view || view.entries.has(node)) return false;
      // No event reports a node that was deleted while the watch was down: the grace begins again with each list.
      return now() - Math.max(view.since, goneAt.get(node) ?? 0) >= grace;
    },
    stop: () => mirror.stop(),
  };
}
