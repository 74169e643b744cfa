// One of each workload, with what serves and guards it, and nodes whose kubelets are at work.
import { isPodActive, isPodReady, isPodTerminal } from '#api/pods.ts';
import {
  cronjobs,
  daemonsets,
  deployments,
  horizontalpodautoscalers,
  jobs,
  leases,
  nodes,
  poddisruptionbudgets,
  pods,
  replicasets,
  resourcequotas,
  services,
  statefulsets,
} from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatMicroTime, formatTime } from '#apimachinery/time.ts';
import { makeReady } from '../../controllers/pods.ts';
import type { ControllerTest } from '../../harness/controllers.ts';

export const NODES = ['n1', 'n2', 'n3'] as const;

export const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'v1' }], ...spec },
});

export const workload = (app: string, replicas?: number) => ({
  ...(replicas === undefined ? {} : { replicas }),
  selector: { matchLabels: { app } },
  template: template(app),
});

export const named = (name: string) => ({ name, namespace: 'ns' });

/** Pods once all is well, by their label `app`. */
export const PODS: Readonly<Record<string, number>> = { web: 4, set: 2, db: 3, agent: NODES.length, work: 2 };

export async function createWorld(t: ControllerTest): Promise<void> {
  for (const name of NODES) {
    await t.client.create(nodes, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
    await report(t, name);
  }
  await renewAll(t);
  const never = template('work', { restartPolicy: 'Never' });
  const objects: readonly (readonly [unknown, object])[] = [
    [deployments, { metadata: named('web'), spec: workload('web', 4) }],
    [replicasets, { metadata: named('set'), spec: workload('set', 2) }],
    [statefulsets, { metadata: named('db'), spec: { ...workload('db', 3), serviceName: 'db' } }],
    [daemonsets, { metadata: named('agent'), spec: workload('agent') }],
    [jobs, { metadata: named('work'), spec: { completions: 2, parallelism: 2, template: never } }],
    [cronjobs, { metadata: named('yearly'), spec: { schedule: '0 0 1 7 *', jobTemplate: { spec: { template: never } } } }],
    [services, { metadata: named('web'), spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }],
    [poddisruptionbudgets, { metadata: named('web'), spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } } }],
    [resourcequotas, { metadata: named('most'), spec: { hard: { pods: '100', 'count/widgets.example.com': '5' } } }],
    [
      horizontalpodautoscalers,
      {
        metadata: named('set'),
        spec: {
          minReplicas: 2,
          maxReplicas: 2,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'set' },
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
        },
      },
    ],
  ];
  for (const [resource, object] of objects) await t.client.create(resource as typeof pods, object as Pod);
}

/** As a kubelet does. */
async function report(t: ControllerTest, name: string): Promise<void> {
  const now = formatTime(t.clock.now());
  const conditions = [
    { type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', lastHeartbeatTime: now, lastTransitionTime: now },
  ];
  await t.client.patch(nodes, { name }, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' });
}

export async function renewAll(t: ControllerTest): Promise<void> {
  for (const name of NODES) {
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(t.clock.now()) };
    const ref = { name, namespace: 'kube-node-lease' };
    try {
      await t.client.patch(leases, ref, { type: 'merge', body: { spec } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      await t.client.create(leases, { metadata: ref, spec });
    }
  }
}

/** Lets kubelets do what they have to do; gives the pods there are. */
export async function playKubelets(t: ControllerTest): Promise<readonly Pod[]> {
  await renewAll(t);
  const { items } = await t.client.list(pods, { namespace: 'ns' });
  for (const pod of items) {
    if (pod.metadata.deletionTimestamp !== undefined) await t.client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 });
    else if (!isPodReady(pod) && !isPodTerminal(pod)) await makeReady(t, pod);
  }
  return items;
}

/** Until as many pods run as PODS says; gives their names. */
export const allRun = (t: ControllerTest): Promise<readonly string[]> =>
  t.until(async () => {
    const active = (await playKubelets(t)).filter(isPodActive);
    const of = (app: string): number => active.filter((pod) => pod.metadata.labels?.['app'] === app && isPodReady(pod)).length;
    const right = Object.entries(PODS).every(([app, count]) => of(app) === count);
    return right ? active.map(({ metadata }) => metadata.name).toSorted() : undefined;
  });

/** Names of all pods there ever were in the namespace, in the order they came; goes on over a restart of the server. */
export function recordPods(t: ControllerTest, signal: AbortSignal): readonly string[] {
  const born: string[] = [];
  const seen = new Set<string>();
  void (async () => {
    while (!signal.aborted) {
      try {
        for await (const event of t.client.watch(pods, { namespace: 'ns', signal })) {
          if (event.type !== 'ADDED' || seen.has(event.object.metadata.uid)) continue;
          seen.add(event.object.metadata.uid);
          born.push(event.object.metadata.name);
        }
      } catch {
        // The server has gone, or the test has: which of both the loop tells.
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return born;
}
