// Volumes out of the box: a default StorageClass whose volumes are folders of the node a pod is placed on.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { clusterrolebindings, clusterroles, storageclasses } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { QueueingEventRecorder } from '#client/events/event-recorder.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { localPathDeleter } from '#controllers/local-path/deleter.ts';
import { defaultClass, type Place } from '#controllers/local-path/plan.ts';
import { localPathProvisioner } from '#controllers/local-path/provisioner.ts';
import { type ControllerConfig, runController } from '#controllers/runtime/controller.ts';
import { ensure } from './ensure.ts';
import { LOCAL_PATH_ACCOUNT } from './users.ts';

const ROLE = 'proa:local-path-provisioner';

/** Written once: who removes the class, or makes another the default, is not overruled while it is there. */
export async function ensureLocalPath(client: Client): Promise<void> {
  await ensure(client, clusterroles, {
    metadata: { name: ROLE },
    rules: [
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['create', 'delete', 'get', 'list', 'update', 'watch'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get'] },
      { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  });
  await ensure(client, clusterrolebindings, {
    metadata: { name: ROLE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE },
    subjects: [{ kind: 'ServiceAccount', name: LOCAL_PATH_ACCOUNT, namespace: 'kube-system' }],
  });
  await ensure(client, storageclasses, defaultClass('local-path'));
}

export interface LocalPathDeps {
  readonly place: Place;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: ControllerConfig;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts. `transport` speaks as the service account. */
export async function runLocalPath(transport: Transport, { place, ...deps }: LocalPathDeps): Promise<void> {
  const client = createClient(transport);
  const informers = createInformerFactory({ client, ...deps, managedFields: false });
  const events = new QueueingEventRecorder({ client, component: 'proa.dev/local-path', host: place.nodeName, ...deps });
  const running = [localPathProvisioner(place), localPathDeleter(place)].map((controller) =>
    runController(controller, { client, informers, events, ...deps }),
  );
  informers.start(deps.signal);
  await Promise.all(running);
}
