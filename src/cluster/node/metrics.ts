// The resource metrics API in the process of the API server: `kubectl top` and autoscalers work out of the box. The same
// MetricsApi may as well be served by a process of its own behind an APIService.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { everyField, parseFieldSelector } from '#apimachinery/fields.ts';
import { everything, parseLabelSelector } from '#apimachinery/labels.ts';
import { clusterrolebindings, clusterroles, nodes, pods } from '#api/resources.ts';
import { type ResourceInfo, Schema, type SchemaOptions } from '#api/schema.ts';
import type { Handlers } from '#apiserver/handlers/dispatch.ts';
import type { Operation } from '#apiserver/handlers/operation.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { type KubeletCredentials, KubeletMetricsClient } from '#metrics/kubelet-client.ts';
import { METRICS_GROUP_VERSION, MetricsApi, type MetricsSelection } from '#metrics/metrics-api.ts';
import { Scraper } from '#metrics/scraper.ts';
import { ensure } from './ensure.ts';
import { METRICS_ACCOUNT } from './users.ts';

/** Names of Proa's own: those of metrics-server's manifests go when one that was installed is taken away. */
const [ROLE, READER] = ['proa:metrics', 'proa:metrics-reader'];

const KINDS = [
  { resource: 'nodes', kind: 'NodeMetrics', namespaced: false },
  { resource: 'pods', kind: 'PodMetrics', namespaced: true },
] as const;

/** Everything the server has by itself, and the metrics group. */
export function schemaWithMetrics(options: SchemaOptions): Schema {
  const schema = new Schema(options);
  for (const { resource, kind, namespaced } of KINDS) {
    const gvk = { ...METRICS_GROUP_VERSION, kind };
    const type = schema.kind(gvk);
    if (type === undefined) throw new Error(`${kind} is no kind of the API tables`);
    const info: ResourceInfo = {
      ...gvk,
      resource,
      namespaced,
      singular: '',
      shortNames: [],
      categories: [],
      listKind: `${kind}List`,
      verbs: ['get', 'list'],
      schema: type,
      subresources: new Map(),
      storage: { ...gvk, resource },
      removedIn: undefined,
      deprecatedIn: undefined,
      origin: 'custom',
    };
    schema.add(info);
  }
  return schema;
}

export interface MetricsDeps {
  readonly credentials: () => KubeletCredentials;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** The handlers are there from the beginning and have something to say once `run` has. */
export class MetricsSeat {
  readonly #deps: MetricsDeps;
  #api: MetricsApi | undefined;

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
  }

  handlers(): ReadonlyMap<string, Handlers> {
    const object =
      (make: (api: MetricsApi, operation: Operation) => object): Handlers[string] =>
      (operation) => {
        if (this.#api === undefined) throw new StatusError('ServiceUnavailable', 'metrics not available yet');
        return { kind: 'object', code: 200, object: make(this.#api, operation) };
      };
    return new Map<string, Handlers>([
      [
        'nodes.metrics.k8s.io',
        {
          list: object((api, operation) => api.listNodes(selectionOf(operation))),
          get: object((api, { request }) => api.getNode(request.info.name)),
        },
      ],
      [
        'pods.metrics.k8s.io',
        {
          list: object((api, operation) => api.listPods(selectionOf(operation))),
          get: object((api, { request }) => api.getPod(request.info.namespace, request.info.name)),
        },
      ],
    ]);
  }

  /** Until the signal aborts. `transport` may list nodes and pods. */
  async run(transport: Transport, signal: AbortSignal): Promise<void> {
    const { credentials, clock, ids, logger } = this.#deps;
    const informers = createInformerFactory({ client: createClient(transport), clock, ids, logger, managedFields: false });
    const [nodeInformer, podInformer] = [informers.informer(nodes), informers.informer(pods)];
    informers.start(signal);
    await informers.synced();
    const client = new KubeletMetricsClient(credentials);
    const scraper = new Scraper({ nodes: nodeInformer, clock, logger, fetchMetrics: (node, until) => client.fetchMetrics(node, until) });
    this.#api = new MetricsApi({ nodes: nodeInformer, pods: podInformer, usage: scraper });
    await scraper.run(signal);
    client.close();
  }
}

/** @throws SelectorError for selectors that are none */
function selectionOf({ request }: Operation): MetricsSelection {
  const [labels, fields] = [request.query.get('labelSelector') ?? '', request.query.get('fieldSelector') ?? ''];
  return {
    ...(request.info.namespace === '' ? {} : { namespace: request.info.namespace }),
    labels: labels === '' ? everything : parseLabelSelector(labels),
    fields: fields === '' ? everyField : parseFieldSelector(fields),
  };
}

/**
 * Who may look at objects may look at what they use; the component itself lists nodes and pods. Source: metrics-server
 * manifests system:aggregated-metrics-reader, system:metrics-server.
 */
export async function ensureMetricsReader(client: Client): Promise<void> {
  const aggregate = ['view', 'edit', 'admin'].map((role): [string, string] => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']);
  await ensure(client, clusterroles, {
    metadata: { name: READER, labels: Object.fromEntries(aggregate) },
    rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  });
  await ensure(client, clusterroles, {
    metadata: { name: ROLE },
    rules: [{ apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
  });
  await ensure(client, clusterrolebindings, {
    metadata: { name: ROLE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE },
    subjects: [{ kind: 'ServiceAccount', name: METRICS_ACCOUNT, namespace: 'kube-system' }],
  });
}
