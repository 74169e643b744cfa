// Every namespace has a ConfigMap with the authority that pods trust the API server by. Source: rootcacertpublisher/publisher.go.
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { configmaps, namespaces } from '#api/resources.ts';
import { codeOf } from '../metrics/metrics.ts';
import type { Controller, Reconcile } from '../runtime/controller.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';

const NAME = 'kube-root-ca.crt';
const KEY = 'ca.crt';
const DESCRIBES = 'kubernetes.io/description';
const DESCRIPTION = {
  [DESCRIBES]:
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

export const rootCaPublisher: Controller = {
  name: 'root-ca-certificate-publisher-controller',
  serviceAccount: 'root-ca-cert-publisher',
  reads: [namespaces, configmaps],
  writes: ['configmaps'],
  workers: 1,
  setUp({ client, informers, queue, config, clock, metrics: { rootCa } }) {
    const namespaceLister = informers.informer(namespaces);
    const lister = informers.informer(configmaps);
    const mapChanged = ({ metadata }: { readonly metadata: { readonly name: string; readonly namespace: string } }): void => {
      if (metadata.name === NAME) queue.add(metadata.namespace);
    };
    namespaceLister.addHandlers({ added: ({ metadata }) => queue.add(metadata.name), updated: ({ metadata }) => queue.add(metadata.name) });
    lister.addHandlers({ updated: mapChanged, deleted: mapChanged });
    const publish: Reconcile = async (namespace, signal) => {
      if (namespaceLister.get(namespace)?.status.phase !== 'Active') return;
      const data = { [KEY]: config.rootCA };
      const present = lister.get(NAME, namespace);
      if (present !== undefined && deepEqual(present.data, data) && (present.metadata.annotations?.[DESCRIBES] ?? '') !== '') return;
      try {
        if (present === undefined)
          await client.create(configmaps, { metadata: { name: NAME, namespace, annotations: DESCRIPTION }, data }, { signal });
        else {
          const metadata = { ...present.metadata, annotations: { ...present.metadata.annotations, ...DESCRIPTION } };
          await client.update(configmaps, { ...present, metadata, data }, { signal });
        }
      } catch (error) {
        if (isNamespaceTerminating(error) || isStatusError(error, 'AlreadyExists')) return;
        // With the namespace; or the map alone, which its event tells.
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    };
    return async (namespace, signal) => {
      const since = clock.monotonic();
      const count = (error?: unknown): void => {
        rootCa.syncs.of(codeOf(error)).add();
        rootCa.syncSeconds.of(codeOf(error)).observe((clock.monotonic() - since) / 1000);
      };
      try {
        await publish(namespace, signal);
        count();
      } catch (error) {
        count(error);
        throw error;
      }
    };
  },
};
