// Reads what the scheduler would know of the cluster, once, and explains where a pod could go. Writes nothing.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isPodTerminal } from '#api/pods.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deviceclasses, namespaces, nodes, persistentvolumeclaims, pods, resourceclaims, storageclasses } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { readConfiguration } from '../config/configuration.ts';
import { concerns } from '../extenders/http-extender.ts';
import { noMetrics } from '../metrics/metrics.ts';
import { ClaimWriter } from '../plugins/dynamic-resources/claim-writer.ts';
import { watchGroups } from '../shell/group-selector.ts';
import { watchDevices } from '../shell/device-informers.ts';
import { watchStorage } from '../shell/storage-informers.ts';
import { ClusterState } from '../state/cluster-state.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { EXPLANATION_READS, OPTIONAL_READS } from './reads.ts';
import { TrialDevices } from './trial-devices.ts';
import { TrialStorage } from './trial-storage.ts';
import { explainPlacement, type PlacementExplanation } from './explain-placement.ts';

export interface ExplainDeps {
  /** May list what schedulers list. */
  readonly client: Client;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** As of SchedulerOptions. */
  readonly config?: unknown;
}

/**
 * Undefined when no profile of the configuration has the name in `spec.schedulerName`: some other scheduler's pod.
 * @throws StatusError when the client may not list; ConfigurationError
 */
export async function explainPod(pod: Pod, { client, clock, ids, logger, config }: ExplainDeps): Promise<PlacementExplanation | undefined> {
  const done = new AbortController();
  const informers = createInformerFactory({ client, clock, ids, logger });
  const [nodeInformer, podInformer, namespaceInformer] = [
    informers.informer(nodes),
    informers.informer(pods),
    informers.informer(namespaces),
  ];
  const groups = watchGroups(informers);
  const stored = watchStorage(informers);
  const cluster = new ClusterState();
  const taintRules = await areServed(client);
  const devices = watchDevices(informers, cluster, { taintRules });
  const storage = new TrialStorage({
    ...stored.storage,
    claimsOf: (namespace) => informers.informer(persistentvolumeclaims).list(namespace),
    storageClasses: () => informers.informer(storageclasses).list(),
  });
  const tried = new TrialDevices({
    ...devices,
    listClaims: () => informers.informer(resourceclaims).list(),
    listClasses: () => informers.informer(deviceclasses).list(),
  });
  try {
    // An informer tries for ever what it may not list; a caller is told.
    await Promise.all(EXPLANATION_READS.map((resource) => client.list<unknown>(resource as Resource<unknown>, { limit: 1 })));
    informers.start(done.signal);
    await informers.synced();
    for (const node of nodeInformer.list()) cluster.setNode(node);
    for (const other of podInformer.list()) {
      if (isPodTerminal(other)) continue;
      if ((other.spec.nodeName ?? '') !== '') cluster.setPod(other);
      else if (other.metadata.uid !== pod.metadata.uid) cluster.nominator.nominate(other);
    }
    const { extenders, profiles } = readConfiguration(config);
    const [profile] = profiles({
      client,
      preemption: { budgets: () => [], fraction: () => 0, isPreempting: () => false },
      namespaceLabels: (name) => namespaceInformer.get(name)?.metadata.labels,
      groupSelector: groups.selectorOf,
      volumes: { client, clock, storage, onChange: stored.onChange, node: (name) => nodeInformer.get(name) },
      devices: {
        ...devices,
        tried,
        deviceClass: tried.deviceClass,
        writer: new ClaimWriter({ client, clock, ids, logger, metrics: noMetrics }),
        node: (name) => nodeInformer.get(name),
        clock,
        ids,
        metrics: noMetrics,
        event() {},
      },
    }).filter(({ schedulerName }) => schedulerName === pod.spec.schedulerName);
    if (profile === undefined) return undefined;
    const asked = extenders.filter((extender) => extender.filterVerb !== '' && concerns(extender, pod)).map(({ urlPrefix }) => urlPrefix);
    return { ...explainPlacement(pod, { profile, cluster, storage, devices: tried }), ...(asked.length === 0 ? {} : { extenders: asked }) };
  } finally {
    devices.stop();
    done.abort(new Error('the explanation is made'));
  }
}

/** Whether optional resources are there, which the client may list then: they are served only when somebody asked for them. */
async function areServed(client: Client): Promise<boolean> {
  try {
    for (const resource of OPTIONAL_READS) await client.list<unknown>(resource as Resource<unknown>, { limit: 1 });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}
