// Changes that informers see, as events for the queue. Source: pkg/scheduler eventhandlers.go addAllEventHandlers.
import type { Informer } from '#client/informer-contract.ts';
import { ACTION, type ClusterEvent, clusterEvent, type EventResource } from '../framework/cluster-event.ts';

export type ChangeListener = (event: ClusterEvent, previous: unknown, current: unknown) => void;

export type Watched = readonly (readonly [EventResource, Informer<never>])[];

/** Tells of changes from now on; gives what ends that. */
export function listenTo(watched: Watched, happened: ChangeListener): () => void {
  const removers = watched.map(([resource, informer]) => informer.addHandlers(handlers(resource, happened)));
  return () => removers.forEach((remove) => remove());
}

function handlers(resource: EventResource, happened: ChangeListener) {
  const [add, update, remove] = [ACTION.Add, ACTION.Update, ACTION.Delete].map((action) => clusterEvent(resource, action));
  return {
    added: (object: unknown) => happened(add as ClusterEvent, undefined, object),
    updated: (object: unknown, previous: unknown) => happened(update as ClusterEvent, previous, object),
    deleted: (object: unknown) => happened(remove as ClusterEvent, object, undefined),
  };
}
