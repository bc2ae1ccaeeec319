import { Failure } from '../domain/errors.ts';
import type { Api } from './api.ts';
import { status } from './objects.ts';

/** The object that an event is about. */
export type EventSubject =
  | { readonly kind: 'Node'; readonly name: string }
  | {
      readonly kind: 'PersistentVolumeClaim' | 'Pod';
      readonly namespace: string;
      readonly name: string;
      /** `kubectl describe` shows only events with it. */
      readonly uid?: string | undefined;
    };

/** An event that warns: Kubernetes shows it with its subject. */
export interface WarningEvent {
  /** A DNS label that is the same for the same event: only the first one is kept, until Kubernetes forgets it after an hour. */
  readonly name: string;
  readonly subject: EventSubject;
  /** In CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** Sends events to users of Kubernetes. */
export interface Events {
  /** Throws `unavailable` if the API server does not take the event. One that exists already is no failure. */
  send(event: WarningEvent, signal: AbortSignal): Promise<void>;
}

/** Kubernetes' limit, in bytes. */
const longestMessage = 1024;

/** Sends events of the type Warning as the component `driver`. */
export function createEvents({
  api,
  driver,
  now = Date.now,
}: {
  api: Api;
  driver: string;
  now?: () => number;
}): Events {
  return {
    async send(event, signal) {
      const body = eventObject(event, driver, new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z'));
      const path = `/api/v1/namespaces/${encodeURIComponent(body.metadata.namespace)}/events`;
      const answer = await api.post(path, body, signal);
      // Another controller, or an earlier process of this one, has sent it.
      if (answer.status === 201 || answer.status === 409) return;
      const reason = `${answer.status} ${status.safeParse(answer.body).data?.message ?? ''}`.trim();
      throw new Failure('unavailable', `the API server does not take the event ${event.reason}: ${reason}`);
    },
  };
}

function eventObject({ name, subject, reason, message }: WarningEvent, driver: string, time: string) {
  // Kubernetes keeps events of objects without a namespace in `default`. Kubelet gives a Node's name as its uid.
  const namespace = subject.kind === 'Node' ? 'default' : subject.namespace;
  const uid = subject.kind === 'Node' ? subject.name : subject.uid;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: { apiVersion: 'v1', ...subject, ...(uid !== undefined && { uid }) },
    type: 'Warning',
    reason,
    message: shortened(message),
    source: { component: driver },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

function shortened(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= longestMessage
    ? text
    : `${bytes
        .subarray(0, longestMessage - 8)
        .toString()
        .replace(/\uFFFD+$/, '')}…`;
}
