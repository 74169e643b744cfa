// Deletes pods that do not tolerate a NoExecute taint of their node. Source: pkg/controller/tainteviction.
import { observed } from '#api/conditions.ts';
import { nodes, pods } from '#api/resources.ts';
import type { Node, Pod, Taint } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { BY_NODE, podsOfNode } from '../node-lifecycle/controller.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { type Disruption, evictPod } from '../runtime/evict-pod.ts';
import { evictionTime } from './plan.ts';

interface Pending {
  /** When each taint was seen first, milliseconds since the epoch: a later one does not count from when an earlier one came. */
  readonly seen: ReadonlyMap<string, number>;
  /** When it must be gone, milliseconds since the epoch. */
  readonly due: number;
  /** The same by Clock.monotonic(): a machine's clock that is set forward drives no pod away. */
  readonly dueAt: number;
}

const identity = ({ key, value, effect, timeAdded }: Taint): string => JSON.stringify([key, value, effect, timeAdded]);

const disruptionOf = ({ metadata: { generation } }: Pod): Disruption => ({
  reason: 'DeletionByTaintManager',
  message: 'Taint manager: deleting due to NoExecute taint',
  ...observed(generation),
});

export const taintEvictionController: Controller = {
  name: 'taint-eviction-controller',
  serviceAccount: 'node-controller',
  reads: [nodes, pods],
  writes: ['pods', 'pods/status', 'events'],
  workers: 8, // Source: UpdateWorkerSize
  setUp({ client, informers, queue, clock, events, metrics: { taintEviction } }) {
    const lister = informers.informer(nodes);
    const podInformer = informers.informer(pods);
    podInformer.addIndex(BY_NODE, podsOfNode);
    const pending = new Map<string, Pending>();
    const isLeaving = ({ spec }: Node): boolean => spec.taints?.some((taint) => taint.effect === 'NoExecute') === true;
    const wakePods = ({ metadata }: Node): void => {
      for (const pod of podInformer.byIndex(BY_NODE, metadata.name)) queue.add(keyOf(pod));
    };
    lister.addHandlers({
      added(node) {
        if (isLeaving(node)) wakePods(node);
      },
      updated(node, previous) {
        if (node.spec.taints !== previous.spec.taints && (isLeaving(node) || isLeaving(previous))) wakePods(node);
      },
    });
    podInformer.addHandlers({
      added: (pod) => queue.add(keyOf(pod)),
      updated(pod, previous) {
        if (pod.spec.nodeName !== previous.spec.nodeName || !deepEqual(pod.spec.tolerations, previous.spec.tolerations))
          queue.add(keyOf(pod));
      },
      deleted: (pod) => void pending.delete(keyOf(pod)),
    });
    return async (key) => {
      const pod = podInformer.byKey(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || pod.spec.nodeName === undefined) return undefined;
      const known = pending.get(key);
      const taints = lister.get(pod.spec.nodeName)?.spec.taints ?? [];
      const now = clock.now();
      const seen = new Map(taints.map(identity).map((taint) => [taint, known?.seen.get(taint) ?? now]));
      const due = evictionTime(pod, taints, (taint) => seen.get(identity(taint)) ?? now);
      if (due === undefined) {
        if (pending.delete(key)) events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
        return undefined;
      }
      const dueAt = known?.due === due ? known.dueAt : clock.monotonic() + due - now;
      const afterMs = dueAt - clock.monotonic();
      if (afterMs > 0) {
        pending.set(key, { seen, due, dueAt });
        return { afterMs };
      }
      events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
      await evictPod(pod, disruptionOf(pod), { client, clock });
      taintEviction.deletions.of().add();
      taintEviction.deletionSeconds.of().observe(-afterMs / 1000);
      return undefined;
    };
  },
};
