// Pods of a test cluster by their names: made, waited for by watching, read. Kept in one namespace of their own.
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { events, namespaces, pods, serviceaccounts } from '#api/resources.ts';
import type { KubeObject, New, Pod } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { deadline } from '#client/deadline.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { waitFor } from '#client/wait-for.ts';
import type { Cluster } from './cluster.ts';
import { defer, type Owner } from './scope.ts';

const TIMEOUT_MS = 120_000;

export interface PodSet {
  readonly client: Client;
  readonly namespace: string;
  /** Of `resource`, in the namespace unless it says otherwise. */
  create<T extends KubeObject>(resource: Resource<T>, object: New<T>): Promise<T>;
  run(name: string, spec: New<Pod['spec']>, metadata?: New<Pod['metadata']>): Promise<Pod>;
  /** The pod once `until` holds. @throws DeadlineExceeded with what the pod looked like last */
  until(name: string, until: (pod: Pod) => boolean): Promise<Pod>;
  gone(name: string): Promise<void>;
  logs(name: string, container?: string): Promise<string>;
  /** The message of an event about the pod with this reason (and words), once there is one. @throws DeadlineExceeded */
  told(name: string, reason: string, words?: RegExp): Promise<string>;
  /** Resolves once the container has written such a line. */
  writes(name: string, line: RegExp, container?: string): Promise<void>;
  /** All a pod wrote, once it has ended. @throws Error with its status and its output unless that is `phase` */
  output(name: string, phase?: 'Succeeded' | 'Failed'): Promise<string>;
}

/** As the administrator. Resolves when pods may be made. */
export async function podSet(
  owner: Owner,
  { kubeconfig, kubectl }: Pick<Cluster, 'kubeconfig' | 'kubectl'>,
  namespace: string,
): Promise<PodSet> {
  const deps = { clock: systemClock, logger: silentLogger, env: {}, stdin: 'none' } as const;
  const transport = httpsTransport(loadKubeconfig(deps, { path: kubeconfig }).https);
  defer(owner, () => transport.close());
  const client = createClient(transport);
  const waiting = { timeoutMs: TIMEOUT_MS, clock: systemClock, ids: randomIds };

  await client.create(namespaces, { metadata: { name: namespace } });
  await waitFor(client, serviceaccounts, { namespace, name: 'default' }, { ...waiting, until: (account) => account !== undefined });

  const create: PodSet['create'] = (resource, object) =>
    client.create(resource, { ...object, metadata: { ...(resource.namespaced ? { namespace } : {}), ...object.metadata } });
  const logs: PodSet['logs'] = (name, container) =>
    kubectl.succeed(['logs', name, '-n', namespace, ...(container === undefined ? ['--all-containers'] : ['-c', container])]);
  const until: PodSet['until'] = async (name, condition) => {
    let last: Pod | undefined;
    try {
      await waitFor(
        client,
        pods,
        { namespace, name },
        {
          ...waiting,
          until(pod) {
            last = pod ?? last;
            return pod !== undefined && condition(pod);
          },
        },
      );
    } catch (error) {
      const { items } = await client.list(events, { namespace, fieldSelector: `involvedObject.name=${name}` });
      const told = items.map(({ reason, message }) => `${reason}: ${message}`).join('\n');
      throw new Error(`pod ${name}: ${JSON.stringify(last?.status, undefined, 1)}\n${told}`, { cause: error });
    }
    return last as Pod;
  };
  return {
    client,
    namespace,
    create,
    logs,
    until,
    run: (name, spec, metadata = {}) => create(pods, { metadata: { ...metadata, name }, spec } as New<Pod>),
    async writes(name, line, container = 'main') {
      const following = kubectl.start(['logs', '-f', name, '-n', namespace, '-c', container]);
      await following.line(line);
      await following.stop();
    },
    async told(name, reason, words = /./) {
      const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
      const limit = deadline(systemClock, TIMEOUT_MS, `timed out waiting for an event ${reason} about pod ${name}`);
      try {
        for await (const event of client.watch(events, { namespace, fieldSelector, signal: limit.signal })) {
          if (event.type !== 'BOOKMARK' && words.test(event.object.message ?? '')) return event.object.message ?? '';
        }
      } finally {
        limit.cancel();
      }
      throw new Error(`the watch ended before there was an event ${reason} about pod ${name}`);
    },
    async gone(name) {
      await waitFor(client, pods, { namespace, name }, { ...waiting, until: (pod) => pod === undefined });
    },
    async output(name, phase = 'Succeeded') {
      const { status } = await until(name, (pod) => ['Succeeded', 'Failed'].includes(pod.status.phase ?? ''));
      const written = await logs(name);
      if (status.phase !== phase) throw new Error(`pod ${name}: ${JSON.stringify(status, undefined, 1)}\n${written}`);
      return written;
    },
  };
}
