import type { NodeName } from '../domain/ids.ts';
import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { createMirror } from './mirror.ts';
import { namedObject } from './objects.ts';

export interface NodeWatchOptions {
  readonly api: Api;
  readonly log: Log;
  /** The node as ids and topology carry it. */
  readonly nodeName: (name: string) => NodeName;
  /** Milliseconds for which a Node must have been gone before its disks count as gone. */
  readonly grace: number;
  readonly backoff?: { readonly least: number; readonly most: number };
  readonly now?: () => number;
}

export interface NodeWatch {
  start(): void;
  /** True only when Kubernetes has had no Node of that name for the whole grace, all of which was watched. */
  gone(node: NodeName): boolean;
  stop(): Promise<void>;
}

/** Tells a node that Kubernetes has deleted from one that is merely silent. */
export function createNodeWatch({ nodeName, grace, now = Date.now, ...options }: NodeWatchOptions): NodeWatch {
  const goneAt = new Map<string, number>();
  const mirror = createMirror<NodeName>({
    ...options,
    now,
    path: '/api/v1/nodes',
    read(object) {
      const { name } = namedObject.parse(object).metadata;
      return [nodeName(name), nodeName(name)];
    },
    removed(node) {
      // One whose grace is over says no more than the beginning of the view does.
      for (const [name, at] of goneAt) if (now() - at >= grace) goneAt.delete(name);
      goneAt.set(node, now());
    },
  });
  return {
    start: () => mirror.start(),
    gone(node) {
      const view = mirror.view();
      // A cluster without any node is more likely one whose API server has lost its memory.
      if (!view || view.entries.size === 0 || view.entries.has(node)) return false;
      // What was there and went while nobody watched is told by nothing: the grace begins anew with each list.
      return now() - Math.max(view.since, goneAt.get(node) ?? 0) >= grace;
    },
    stop: () => mirror.stop(),
  };
}
