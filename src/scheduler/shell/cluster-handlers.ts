// Brings what informers see into the cluster state and the queue. Source: pkg/scheduler/eventhandlers.go.
import { isPodTerminal, podPriority } from '#api/pods.ts';
import type { Namespace, Node, Pod } from '#api/types.ts';
import type { EventHandlers } from '#client/informer-contract.ts';
import {
  ASSIGNED_POD_ADD,
  ASSIGNED_POD_DELETE,
  isEqual,
  NODE_ADD,
  NODE_DELETE,
  nodeChanges,
  podChanges,
  UNSCHEDULED_POD_ADD,
} from '../framework/cluster-event.ts';
import type { TimeEvent } from '../metrics/event-times.ts';
import type { SchedulingQueue } from '../queue/scheduling-queue.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Nominator } from '../state/nominator.ts';

export interface Watched {
  readonly cluster: ClusterState;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  /** Whether a profile of ours has this name. */
  readonly schedules: (schedulerName: string) => boolean;
  /** There may be something to schedule. */
  readonly wake: () => void;
  /** The pod has gone or is bound. */
  readonly left: (uid: string) => void;
  readonly time: TimeEvent;
}

export function nodeHandlers({ cluster, queue, wake, time }: Watched): EventHandlers<Node> {
  return {
    added(node) {
      time(NODE_ADD, () => {
        cluster.setNode(node);
        queue.moveAll(NODE_ADD, undefined, node);
      });
      wake();
    },
    updated(node, previous) {
      cluster.setNode(node);
      for (const event of nodeChanges(node, previous)) time(event, () => queue.moveAll(event, previous, node));
      wake();
    },
    deleted(node) {
      time(NODE_DELETE, () => {
        queue.moveAll(NODE_DELETE, node, undefined);
        cluster.removeNode(node.metadata.name);
      });
      wake();
    },
  };
}

/** Labels of namespaces decide which pods a term of affinity means. */
export function namespaceHandlers(cluster: ClusterState): EventHandlers<Namespace> {
  return {
    added: () => cluster.invalidate(),
    updated(namespace, previous) {
      if (!isEqual(namespace.metadata.labels, previous.metadata.labels)) cluster.invalidate();
    },
    deleted: () => cluster.invalidate(),
  };
}

type Standing = 'finished' | 'assigned' | 'waiting' | 'not-ours';

export function podHandlers(watched: Watched): EventHandlers<Pod> {
  const { cluster, queue, nominator, schedules, wake, left, time } = watched;

  function standingOf(pod: Pod): Standing {
    if (isPodTerminal(pod)) return 'finished';
    if ((pod.spec.nodeName ?? '') !== '') return 'assigned';
    return schedules(pod.spec.schedulerName) ? 'waiting' : 'not-ours';
  }

  function added(pod: Pod): void {
    const standing = standingOf(pod);
    if (standing === 'assigned') place(pod);
    else if (standing === 'waiting') {
      time(UNSCHEDULED_POD_ADD, () => {
        nominator.nominate(pod);
        queue.add(pod, UNSCHEDULED_POD_ADD);
      });
    }
  }

  function place(pod: Pod): void {
    time(ASSIGNED_POD_ADD, () => {
      cluster.setPod(pod);
      queue.moveAll(ASSIGNED_POD_ADD, undefined, pod);
    });
  }

  function removed(pod: Pod, standing: Standing): void {
    const { uid } = pod.metadata;
    left(uid);
    if (standing === 'assigned') {
      time(ASSIGNED_POD_DELETE, () => {
        cluster.removePod(uid);
        queue.moveAll(ASSIGNED_POD_DELETE, pod, undefined);
      });
    } else if (standing === 'waiting') {
      queue.delete(uid);
      nominator.remove(uid);
      if (cluster.isAssumed(uid)) forgetAssumed(pod);
      else if ((pod.status?.nominatedNodeName ?? '') !== '') freeNomination(pod);
    }
  }

  /** Its binding will fail; what it held is free now. Source: handleAssumedPodDeletion. */
  function forgetAssumed(pod: Pod): void {
    const nodeName = cluster.nodeOf(pod.metadata.uid) ?? '';
    cluster.removePod(pod.metadata.uid);
    queue.moveAll(ASSIGNED_POD_DELETE, { ...pod, spec: { ...pod.spec, nodeName } }, undefined);
  }

  /** Pods no more important yielded to it. */
  function freeNomination(pod: Pod): void {
    const priority = podPriority(pod);
    queue.moveAll(ASSIGNED_POD_DELETE, pod, undefined, (other) => podPriority(other) <= priority);
  }

  function updated(pod: Pod, previous: Pod): void {
    const [now, before] = [standingOf(pod), standingOf(previous)];
    if (pod.metadata.uid !== previous.metadata.uid) {
      removed(previous, before);
      added(pod);
    } else if (now === 'finished') {
      removed(previous, before);
    } else if (before === 'assigned') {
      cluster.setPod(pod);
      for (const event of podChanges(pod, previous)) time(event, () => queue.moveAll(event, previous, pod));
    } else if (now === 'assigned') {
      left(pod.metadata.uid);
      queue.delete(pod.metadata.uid);
      nominator.remove(pod.metadata.uid);
      place(pod);
    } else if (before === 'waiting') {
      updateWaiting(pod, previous);
    }
  }

  function updateWaiting(pod: Pod, previous: Pod): void {
    if (cluster.isAssumed(pod.metadata.uid)) {
      if (pod.metadata.deletionTimestamp !== undefined && previous.metadata.deletionTimestamp === undefined) forgetAssumed(previous);
      return;
    }
    nominator.update(previous, pod);
    queue.update(previous, pod);
    const nominated = previous.status?.nominatedNodeName ?? '';
    if (nominated !== '' && nominated !== (pod.status?.nominatedNodeName ?? '')) freeNomination(previous);
  }

  return {
    added(pod) {
      added(pod);
      wake();
    },
    updated(pod, previous) {
      updated(pod, previous);
      wake();
    },
    deleted(pod) {
      removed(pod, standingOf(pod));
      wake();
    },
  };
}
