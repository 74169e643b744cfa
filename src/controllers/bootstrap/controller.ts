// Signs the cluster's public information with bootstrap tokens, so that a new node can tell it from a forged one; deletes
// tokens that have expired. Source: pkg/controller/bootstrap bootstrapsigner.go, tokencleaner.go.
import { configmaps, secrets } from '#api/resources.ts';
import type { Secret } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { isTokenSecret, signedData, signingToken, untilExpired } from './tokens.ts';

const CLUSTER_INFO = 'cluster-info';
const TOKENS = 'bootstrap-tokens';
const tokenIndex = (secret: Secret): readonly string[] => (isTokenSecret(secret) ? [''] : []);

export const bootstrapSigner: Controller = {
  name: 'bootstrap-signer-controller',
  serviceAccount: 'bootstrap-signer',
  reads: [secrets, configmaps],
  writes: ['configmaps'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const secretInformer = informers.informer(secrets);
    const maps = informers.informer(configmaps);
    secretInformer.addIndex(TOKENS, tokenIndex);
    const wake = (): void => queue.add(CLUSTER_INFO);
    const token = (secret: Secret): void => {
      if (isTokenSecret(secret)) wake();
    };
    secretInformer.addHandlers({ added: token, updated: token, deleted: token });
    const info = ({ metadata }: { readonly metadata: { readonly name: string; readonly namespace: string } }): void => {
      if (metadata.namespace === NAMESPACE.public && metadata.name === CLUSTER_INFO) wake();
    };
    maps.addHandlers({ added: info, updated: info });
    return async () => {
      const map = maps.get(CLUSTER_INFO, NAMESPACE.public);
      if (map === undefined) return;
      const tokens = secretInformer
        .byIndex(TOKENS, '')
        .flatMap((secret) => signingToken(secret, clock.now()) ?? [])
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const data = signedData(map.data ?? {}, tokens);
      if (!deepEqual(data, map.data ?? {})) await client.update(configmaps, { ...map, data });
    };
  },
};

export const tokenCleaner: Controller = {
  name: 'token-cleaner-controller',
  serviceAccount: 'token-cleaner',
  reads: [secrets],
  writes: ['secrets'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const lister = informers.informer(secrets);
    const wake = (secret: Secret): void => {
      if (isTokenSecret(secret)) queue.add(keyOf(secret));
    };
    lister.addHandlers({ added: wake, updated: wake });
    return async (key) => {
      const secret = lister.byKey(key);
      const afterMs = secret === undefined ? undefined : untilExpired(secret, clock.now());
      if (secret === undefined || afterMs === undefined) return undefined;
      if (afterMs > 0) return { afterMs };
      try {
        await client.delete(secrets, secret.metadata, { preconditions: { uid: secret.metadata.uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      }
      return undefined;
    };
  },
};
