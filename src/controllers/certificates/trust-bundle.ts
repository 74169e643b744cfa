// The authority of API servers stands in a ClusterTrustBundle of its own signer, named by its content; bundles of that signer
// with other names go. Source: pkg/controller/certificates/clustertrustbundlepublisher publisher.go, cmd/kube-controller-manager
// app/certificates.go.
import { createHash } from 'node:crypto';
import { clustertrustbundles } from '#api/optional-resources.ts';
import type { ClusterTrustBundle } from '#api/gen/certificates-v1beta1.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import type { Informer } from '#client/informer-contract.ts';
import { codeOf } from '../metrics/metrics.ts';
import type { Controller, ControllerContext } from '../runtime/controller.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-serving';
/** The versions that may be served, the first that is being used. */
const VERSIONS = ['v1beta1', 'v1alpha1'];
/** There is one thing to do. */
const KEY = '';

/** `kubernetes.io:kube-apiserver-serving:` and 12 bytes of the content's SHA-256. Source: constructBundleName. */
export function bundleName(signer: string, bundle: string): string {
  return `${signer.replaceAll('/', ':')}:${createHash('sha256').update(bundle).digest('hex').slice(0, 24)}`;
}

export const trustBundlePublisher: Controller = {
  name: 'kube-apiserver-serving-clustertrustbundle-publisher-controller',
  serviceAccount: 'kube-apiserver-serving-clustertrustbundle-publisher',
  gates: ['ClusterTrustBundle'],
  reads: [], // in which version, discovery says
  writes: ['clustertrustbundles'],
  workers: 1,
  setUp(context) {
    const { client, queue, config, clock, logger, metrics } = context;
    const { syncs, syncSeconds } = metrics.trustBundles;
    let bundles: Bundles | undefined;
    queue.add(KEY);
    return async (_, signal) => {
      if (bundles === undefined) {
        const resource = config.rootCA === '' ? undefined : await servedVersion(client, signal);
        if (resource === undefined) return logger.info('no version of ClusterTrustBundle is served: none is published');
        bundles = await follow(resource, context);
      }
      const since = clock.monotonic();
      const count = (error?: unknown): void => {
        syncs.of(codeOf(error)).add();
        syncSeconds.of(codeOf(error)).observe((clock.monotonic() - since) / 1000);
      };
      try {
        await publish(config.rootCA, bundles, client);
        count();
      } catch (error) {
        count(error);
        throw error;
      }
    };
  },
};

interface Bundles {
  readonly resource: Resource<ClusterTrustBundle>;
  /** Of the signer alone. */
  readonly informer: Informer<ClusterTrustBundle>;
}

async function servedVersion(client: Client, signal: AbortSignal): Promise<Resource<ClusterTrustBundle> | undefined> {
  for (const version of VERSIONS) {
    try {
      const path = `/apis/${clustertrustbundles.group}/${version}`;
      const { resources } = await client.getPath<{ readonly resources: readonly { readonly name: string }[] }>(path, { signal });
      if (resources.some(({ name }) => name === clustertrustbundles.resource)) return { ...clustertrustbundles, version };
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }
  return undefined;
}

async function follow(resource: Resource<ClusterTrustBundle>, { informers, queue }: ControllerContext): Promise<Bundles> {
  const informer = informers.informer(resource, { fieldSelector: `spec.signerName=${SIGNER}` });
  const wake = (): void => queue.add(KEY);
  informer.addHandlers({ added: wake, updated: wake, deleted: wake });
  await informer.synced();
  return { resource, informer };
}

async function publish(trustBundle: string, { resource, informer }: Bundles, client: Client): Promise<void> {
  const name = bundleName(SIGNER, trustBundle);
  const present = informer.get(name);
  if (present === undefined) await client.create(resource, { metadata: { name }, spec: { signerName: SIGNER, trustBundle } });
  else if (present.spec.trustBundle !== trustBundle) await client.update(resource, { ...present, spec: { ...present.spec, trustBundle } });
  const others = [...informer.list()].filter(({ metadata }) => metadata.name !== name);
  const ends = await Promise.allSettled(others.map(({ metadata }) => client.delete(resource, { name: metadata.name })));
  const failure = ends.find((end) => end.status === 'rejected' && !isStatusError(end.reason, 'NotFound'));
  if (failure?.status === 'rejected') throw failure.reason;
}
