// Fills Secrets of type kubernetes.io/service-account-token with the token of the account they name, and deletes them with it. A
// Secret that is gone is mentioned by its account no more.
// Source: kubernetes pkg/controller/serviceaccount tokens_controller.go.
import { isStatusError } from '#apimachinery/errors.ts';
import { secrets, serviceaccounts } from '#api/resources.ts';
import type { Secret } from '#api/types.ts';
import { keyOf, splitKey, type Controller } from '../runtime/controller.ts';
import { ACCOUNT_NAME, planTokenSecret, TOKEN_TYPE, withoutReference } from './plan.ts';

const BY_ACCOUNT = 'service account of the token';

const accountOf = ({ metadata, type }: Secret): string | undefined =>
  type === TOKEN_TYPE ? `${metadata.namespace}/${metadata.annotations?.[ACCOUNT_NAME] ?? ''}` : undefined;

export const serviceAccountTokenController: Controller = {
  name: 'serviceaccount-token-controller',
  // Whoever fills in tokens may do all that they may: the controller manager itself.
  serviceAccount: 'kube-controller-manager',
  reads: [secrets, serviceaccounts],
  writes: ['secrets', 'serviceaccounts'],
  workers: 1,
  setUp({ client, informers, queue, config }) {
    const secretInformer = informers.informer(secrets);
    const accounts = informers.informer(serviceaccounts);
    secretInformer.addIndex(BY_ACCOUNT, (secret) => {
      const account = accountOf(secret);
      return account === undefined ? [] : [account];
    });
    const added = (secret: Secret): void => {
      if (secret.type === TOKEN_TYPE) queue.add(keyOf(secret));
    };
    /** Those whose accounts have not been looked at yet, by their keys in the queue, then uid: a name may come and go again. */
    const gone = new Map<string, Map<string, Secret>>();
    const deleted = (secret: Secret): void => {
      if (accountOf(secret) === undefined) return;
      const former = gone.get(keyOf(secret)) ?? new Map<string, Secret>();
      gone.set(keyOf(secret), former.set(secret.metadata.uid, secret));
      added(secret);
    };
    secretInformer.addHandlers({ added, updated: added, deleted });
    const again = (account: Parameters<typeof keyOf>[0]): void => {
      for (const secret of secretInformer.byIndex(BY_ACCOUNT, keyOf(account))) queue.add(keyOf(secret));
    };
    accounts.addHandlers({ added: again, deleted: again });
    return async (key, signal) => {
      const { namespace, name } = splitKey(key);
      const former = gone.get(key);
      for (const secret of former?.values() ?? []) {
        await dropReference(secret, signal);
        former?.delete(secret.metadata.uid);
      }
      gone.delete(key);
      const secret = secretInformer.get(name, namespace);
      if (secret === undefined || config.issueToken === undefined) return;
      const { issueToken, rootCA } = config;
      const accountName = secret.metadata.annotations?.[ACCOUNT_NAME] ?? '';
      const account = accounts.get(accountName, namespace) ?? (await freshAccount(accountName, namespace));
      const plan = planTokenSecret({ secret, account, rootCA, token: () => (account === undefined ? '' : issueToken(account, name)) });
      try {
        if (plan.kind === 'fill') await client.update(secrets, plan.secret, { signal });
        else if (plan.kind === 'delete') {
          await client.delete(secrets, { name, namespace }, { preconditions: { uid: secret.metadata.uid }, signal });
        }
      } catch (error) {
        // Changed or gone meanwhile: its event brings it back.
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      }
    };

    async function dropReference(secret: Secret, signal: AbortSignal): Promise<void> {
      const known = accounts.byKey(accountOf(secret) ?? '');
      if (known === undefined) return;
      const account = await lookUp(known.metadata.name, known.metadata.namespace);
      const rid = account === undefined ? undefined : withoutReference(account, secret);
      if (rid !== undefined) await client.update(serviceaccounts, rid, { signal });
    }

    /** A Secret may be younger than what is known of accounts. */
    async function freshAccount(name: string, namespace: string): ReturnType<typeof lookUp> {
      return name === '' ? undefined : lookUp(name, namespace);
    }

    async function lookUp(name: string, namespace: string) {
      try {
        return await client.get(serviceaccounts, { name, namespace });
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return undefined;
        throw error;
      }
    }
  },
};
