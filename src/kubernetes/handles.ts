import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { createInformer } from './informer.ts';
import { listAll } from './list.ts';

export interface HandlesOptions {
  readonly api: Api;
  readonly driver: string;
  readonly log: Log;
  readonly backoff?: { readonly least: number; readonly most: number };
}

/** The driver's ids in all objects of a kind. */
export interface Handles {
  start(): void;
  /** Whether `watched` knows them now. Costs the same for any number of them. */
  isWatched(): boolean;
  /** According to the watch; `undefined` while that is not known, as where Kubernetes has no such objects. */
  watched(): ReadonlySet<string> | undefined;
  /** The same from a new, complete list: for decisions that cannot be undone. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}

/** An object's name and the driver's id in it; `undefined`: it is another driver's. */
type ReadHandle = (object: unknown) => readonly [string, string] | undefined;

/** Watches after `start`, and again after `backoff` if the watch breaks. */
export function createHandles(path: string, read: ReadHandle, options: Omit<HandlesOptions, 'driver'>): Handles {
  const mirror = createInformer<string>({ ...options, path, read });
  return {
    start: () => mirror.start(),
    isWatched: () => mirror.view() !== undefined,
    watched() {
      const view = mirror.view();
      return view && new Set(view.entries.values());
    },
    async read(signal) {
      const handles = new Set<string>();
      await listAll(options.api, path, signal, (object) => {
        const entry = read(object);
        if (entry) handles.add(entry[1]);
      });
      return handles;
    },
    stop: () => mirror.stop(),
  };
}
