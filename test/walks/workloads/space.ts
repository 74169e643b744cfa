// What one case of a walk works in: a namespace of its own, kubectl in there, and workloads of the test's image.
import type { Resource } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { pods } from '#api/resources.ts';
import type { KubeObject, Pod } from '#api/types.ts';
import { deadline } from '#client/deadline.ts';
import { waitFor } from '#client/wait-for.ts';
import type { Cluster } from '../../harness/cluster.ts';
import type { CommandOptions, Running } from '../../harness/command.ts';
import { type PodSet, podSet } from '../../harness/pods.ts';
import type { Owner } from '../../harness/scope.ts';

const TIMEOUT_MS = 180_000;

export const IMAGE = 'example.test/tools:1';

/** A node that only cases which say so use; every workload here puts up with it. */
export const WET = { key: 'example.test/wet', operator: 'Exists' } as const;

export interface Space extends PodSet {
  /** Its standard output. @throws Error with all it said unless it ends with status 0 */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** What it said when it ended with a status other than 0. @throws Error when it did not */
  refused(args: readonly string[]): Promise<string>;
  start(args: readonly string[]): Running;
  apply(...objects: readonly object[]): Promise<void>;
  rolledOut(what: string): Promise<void>;
  podsOf(app: string): Promise<readonly Pod[]>;
  /** The same once `until` holds, by watching. @throws Error with what there was last, when time is up */
  podsOnce(app: string, until: (pods: readonly Pod[]) => boolean): Promise<readonly Pod[]>;
  /** The object (cluster-scoped ones too) once `until` holds. @throws DeadlineExceeded */
  object<T extends KubeObject>(resource: Resource<T>, name: string, until: (object: T) => boolean): Promise<T>;
}

export async function makeSpace(owner: Owner, cluster: Cluster, namespace: string): Promise<Space> {
  const set = await podSet(owner, cluster, namespace);
  const inside = (args: readonly string[]): readonly string[] => ['-n', namespace, ...args];
  const kubectl: Space['kubectl'] = (args, options) => cluster.kubectl.succeed(inside(args), options);
  return {
    ...set,
    kubectl,
    async refused(args) {
      const { code, stdout, stderr } = await cluster.kubectl.run(inside(args));
      if (code === 0) throw new Error(`kubectl ${args.join(' ')} was not refused:\n${stdout}${stderr}`);
      return stderr;
    },
    start: (args) => cluster.kubectl.start(inside(args)),
    async apply(...items) {
      await kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    },
    async rolledOut(what) {
      await kubectl(['rollout', 'status', what, `--timeout=${TIMEOUT_MS / 1000}s`]);
    },
    async podsOf(app) {
      return (await set.client.list(pods, { namespace, labelSelector: `app=${app}` })).items;
    },
    podsOnce: (app, until) => podsOnce(set, app, until),
    object: (resource, name, until) => objectOnce(set, resource, name, until),
  };
}

async function podsOnce({ client, namespace }: PodSet, app: string, until: (found: readonly Pod[]) => boolean): Promise<readonly Pod[]> {
  const scope = { namespace, labelSelector: `app=${app}` };
  const { items, metadata } = await client.list(pods, scope);
  const known = new Map(items.map((pod) => [pod.metadata.uid, pod]));
  if (until(items)) return items;
  const limit = deadline(systemClock, TIMEOUT_MS, `timed out waiting for pods of ${app}`);
  try {
    const { resourceVersion = '' } = metadata;
    for await (const event of client.watch(pods, { ...scope, resourceVersion, signal: limit.signal })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') known.delete(event.object.metadata.uid);
      else known.set(event.object.metadata.uid, event.object);
      if (until([...known.values()])) return [...known.values()];
    }
    throw new Error('the watch ended');
  } catch (error) {
    throw new Error(`pods of ${app} were last ${JSON.stringify([...known.values()].map(({ spec, status }) => ({ spec, status })))}`, {
      cause: error,
    });
  } finally {
    limit.cancel();
  }
}

async function objectOnce<T extends KubeObject>(
  { client, namespace }: PodSet,
  resource: Resource<T>,
  name: string,
  until: (object: T) => boolean,
): Promise<T> {
  let last: T | undefined;
  try {
    await waitFor(client, resource, resource.namespaced ? { namespace, name } : { name }, {
      timeoutMs: TIMEOUT_MS,
      clock: systemClock,
      ids: randomIds,
      until(object) {
        last = object ?? last;
        return object !== undefined && until(object);
      },
    });
  } catch (error) {
    throw new Error(`${resource.resource} ${name} was last ${JSON.stringify(last)}`, { cause: error });
  }
  return last as T;
}

/** One that does nothing and ends at once when told to. */
export const idle = (more: object = {}) => ({
  name: 'main',
  image: IMAGE,
  imagePullPolicy: 'Never',
  command: ['sleep', '3600'],
  ...more,
});

export const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 0, tolerations: [WET], containers: [idle()], ...spec },
});

/** `more` goes into its spec. */
export const deployment = (name: string, replicas: number, spec: object = {}, more: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, spec), ...more },
});

/** No two nodes, zones, … may differ by more than one pod. */
export const evenly = (app: string, topologyKey: string) => ({
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app } } }],
});

/** Pods by node, in the order of the nodes' names: `boat boat-2`. */
export const placesOf = (pods: readonly Pod[]): string =>
  pods
    .map(({ spec }) => spec.nodeName ?? 'none')
    .toSorted()
    .join(' ');
