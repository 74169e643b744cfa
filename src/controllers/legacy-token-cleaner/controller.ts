// Ends service account tokens in secrets that nobody has used for a year. Source: pkg/controller/serviceaccount
// legacy_serviceaccount_token_cleaner.go.
import { configmaps, pods, secrets, serviceaccounts } from '#api/resources.ts';
import type { Pod, Secret } from '#api/types.ts';
import { ANNOTATION, NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Controller } from '../runtime/controller.ts';
import { fateOf, INVALID_SINCE, PERIOD_MS } from './plan.ts';

/** Since when the API server notes which tokens are used. */
const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';

/** Milliseconds. Source: syncInterval. */
const LOOK_MS = 24 * 60 * 60 * 1000;

const TOKENS = 'service-account-token-secrets';
const tokenIndex = ({ type }: Secret): readonly string[] => (type === 'kubernetes.io/service-account-token' ? [''] : []);

const MOUNTED = 'pods-by-mounted-secret';
const mountIndex = ({ metadata, spec }: Pod): readonly string[] =>
  (spec.volumes ?? []).flatMap(({ secret, projected }) => [
    ...(secret?.secretName === undefined ? [] : [`${metadata.namespace}/${secret.secretName}`]),
    ...(projected?.sources ?? []).flatMap((source) =>
      source.secret?.name === undefined ? [] : [`${metadata.namespace}/${source.secret.name}`],
    ),
  ]);

export const legacyTokenCleaner: Controller = {
  name: 'legacy-serviceaccount-token-cleaner-controller',
  serviceAccount: 'legacy-service-account-token-cleaner',
  reads: [secrets, serviceaccounts, pods],
  writes: ['secrets'],
  workers: 1,
  setUp({ client, informers, queue, clock, logger }) {
    const secretInformer = informers.informer(secrets);
    const accounts = informers.informer(serviceaccounts);
    const podInformer = informers.informer(pods);
    secretInformer.addIndex(TOKENS, tokenIndex);
    podInformer.addIndex(MOUNTED, mountIndex);
    queue.add(TRACKING);
    return async () => {
      const since = await trackedSince();
      if (since === undefined || clock.now() - since < PERIOD_MS) return { afterMs: LOOK_MS };
      for (const secret of secretInformer.byIndex(TOKENS, '')) await settle(secret);
      return { afterMs: LOOK_MS };
    };

    /** Milliseconds since the epoch, the end of the day that is noted; undefined while none is. */
    async function trackedSince(): Promise<number | undefined> {
      try {
        const { data } = await client.get(configmaps, { name: TRACKING, namespace: NAMESPACE.system });
        const day = Date.parse(`${data?.['since']}T00:00:00Z`);
        return Number.isNaN(day) ? undefined : day + LOOK_MS;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      }
    }

    async function settle(secret: Secret): Promise<void> {
      const { namespace, name, uid, resourceVersion } = secret.metadata;
      const account = accounts.get(secret.metadata.annotations?.[ANNOTATION.serviceAccountName] ?? '', namespace);
      const mounted = podInformer.byIndex(MOUNTED, `${namespace}/${name}`).length > 0;
      const fate = fateOf(secret, { account, mounted, now: clock.now() });
      try {
        if (fate.kind === 'invalidate') {
          const metadata = { uid, resourceVersion, labels: { [INVALID_SINCE]: fate.since } };
          await client.patch(secrets, secret.metadata, { type: 'merge', body: { metadata } });
        } else if (fate.kind === 'delete') {
          await client.delete(secrets, secret.metadata, { preconditions: { uid, resourceVersion } });
          logger.info('a token in a secret that was not used for a year is deleted', { secret: `${namespace}/${name}` });
        }
      } catch (error) {
        // Somebody touched it, or it is gone: the next look sees it anew.
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      }
    }
  },
};
