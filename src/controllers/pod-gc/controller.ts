// Removes pods whose node is gone, that ended in too great a number, or that nobody else would end.
// Source: pkg/controller/podgc gc_controller.go.
import { observed, setCondition } from '#api/conditions.ts';
import { isPodTerminal } from '#api/pods.ts';
import { nodes, pods } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import { TAINT } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Client } from '#client/contract.ts';
import type { Clock } from '#base/clock.ts';
import { BY_NODE, podsOfNode } from '../node-lifecycle/controller.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { hasEnded, surplusOfEnded, verdict } from './plan.ts';

/** A node may come back within this time. Milliseconds. Source: quarantineTime. */
const QUARANTINE_MS = 40_000;

const ENDED = 'ended';
const endedIndex = (pod: Pod): readonly string[] => (hasEnded(pod) ? [''] : []);

/** The key of the pods that have ended, all together; no pod's. */
const ALL_ENDED = '';

export const podGarbageCollector: Controller = {
  name: 'pod-garbage-collector-controller',
  serviceAccount: 'pod-garbage-collector',
  reads: [pods, nodes],
  writes: ['pods', 'pods/status'],
  workers: 4,
  setUp({ client, informers, queue, clock, metrics: { podGc }, tuning: { terminatedPods } }) {
    const podInformer = informers.informer(pods);
    const nodeInformer = informers.informer(nodes);
    podInformer.addIndex(BY_NODE, podsOfNode);
    podInformer.addIndex(ENDED, endedIndex);
    /** When each node was missed first, Clock.monotonic(). */
    const missed = new Map<string, number>();

    const look = (pod: Pod): void => {
      if (verdict(pod, nodeOf(pod)).kind !== 'keep') queue.add(keyOf(pod));
      if (hasEnded(pod) && podInformer.byIndex(ENDED, '').length > terminatedPods) queue.add(ALL_ENDED);
    };
    const nodeOf = ({ spec }: Pod): Node | undefined => (spec.nodeName === undefined ? undefined : nodeInformer.get(spec.nodeName));
    podInformer.addHandlers({ added: look, updated: look });
    const wakePods = ({ metadata }: Node): void => {
      for (const pod of podInformer.byIndex(BY_NODE, metadata.name)) look(pod);
    };
    nodeInformer.addHandlers({
      added: ({ metadata }) => missed.delete(metadata.name),
      updated(node) {
        if (node.spec.taints?.some(({ key }) => key === TAINT.outOfService) === true) wakePods(node);
      },
      deleted: wakePods,
    });

    return async (key) => {
      if (key === ALL_ENDED) {
        const surplus = surplusOfEnded(podInformer.byIndex(ENDED, ''), terminatedPods);
        await Promise.all(surplus.map((pod) => removeFor('terminated', pod)));
        return undefined;
      }
      const pod = podInformer.byKey(key);
      if (pod === undefined) return undefined;
      const { kind } = verdict(pod, nodeOf(pod));
      switch (kind) {
        case 'keep':
          return undefined;
        case 'orphaned': {
          const nodeName = pod.spec.nodeName as string;
          const since = missed.get(nodeName) ?? clock.monotonic();
          missed.set(nodeName, since);
          const left = since + QUARANTINE_MS - clock.monotonic();
          if (left > 0) return { afterMs: left };
          // The cache may be behind: only the server knows that there is no such node.
          if (await exists(nodeName, client)) return { afterMs: QUARANTINE_MS };
          await removeFor(kind, pod, 'PodGC: node no longer exists');
          if (podInformer.byIndex(BY_NODE, nodeName).length <= 1) missed.delete(nodeName);
          return undefined;
        }
        case 'out-of-service':
        case 'unscheduled':
          await removeFor(kind, pod);
          return undefined;
      }
    };

    async function removeFor(reason: string, pod: Pod, disruption?: string): Promise<void> {
      podGc.deletions.of(pod.metadata.namespace, reason).add();
      try {
        await remove(pod, disruption, client, clock);
      } catch (error) {
        podGc.errors.of(pod.metadata.namespace, reason).add();
        throw error;
      }
    }
  },
};

async function exists(nodeName: string, client: Client): Promise<boolean> {
  try {
    await client.get(nodes, { name: nodeName });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}

/** Marks a pod that had not ended as failed first, so that its owner counts it right. Source: markFailedAndDeletePodWithCondition. */
async function remove(pod: Pod, disruption: string | undefined, client: Client, clock: Clock): Promise<void> {
  const { metadata, status } = pod;
  try {
    if (!isPodTerminal(pod)) {
      const now = observed(metadata.generation);
      const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', ...now } as const;
      const conditions =
        disruption === undefined
          ? undefined
          : setCondition(
              status.conditions,
              { ...condition, message: disruption, lastProbeTime: null, lastTransitionTime: null },
              clock.now(),
            );
      const body = {
        metadata: { uid: metadata.uid },
        status: {
          phase: 'Failed',
          ...now,
          ...(conditions === undefined ? {} : { conditions: conditions.filter(({ type }) => type === condition.type) }),
        },
      };
      await client.patch(pods, metadata, { type: 'strategic', body }, { subresource: 'status' });
    }
    await client.delete(pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
