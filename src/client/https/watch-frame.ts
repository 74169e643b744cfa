// One frame of a watch as the event it stands for. Pure.
import { StatusError, type WireStatus } from '#apimachinery/errors.ts';
import { ConnectionError, type WatchEvent } from '../contract.ts';

interface Frame {
  readonly type?: string;
  readonly object?: {
    readonly metadata?: { readonly resourceVersion?: string; readonly annotations?: Readonly<Record<string, string>> };
  };
}

/** Source: metav1.InitialEventsAnnotationKey. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** @throws StatusError for an ERROR event, ConnectionError for what is no event */
export function watchEvent(frame: unknown): WatchEvent<unknown> {
  const { type, object } = frame as Frame;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object };
    case 'BOOKMARK':
      return {
        type,
        resourceVersion: object?.metadata?.resourceVersion ?? '',
        initialEventsEnd: object?.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true',
      };
    case 'ERROR':
      throw StatusError.fromStatus((object ?? {}) as unknown as WireStatus);
    default:
      throw new ConnectionError(`the watch sent an event of unknown type ${JSON.stringify(type)}`);
  }
}
