// A controller's own identity where controllers run alone: short-lived tokens of its service account, asked for by the
// controller manager. Source: pkg/controller/client_builder_dynamic.go.
import type { Clock } from '#base/clock.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { parseTime } from '#apimachinery/time.ts';
import { serviceaccounts } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import { bearer, type CredentialSource, type Identity } from '#client/https/credentials.ts';

const NAMESPACE = 'kube-system';

/** Source: client_builder_dynamic.go defaultExpirationSeconds. */
const LIFE_SECONDS = 3600;
/** Of a token's life, after which another is asked for. Source: same, leewayPercent 20. */
const USED_PART = 0.8;

interface TokenAnswer {
  readonly status: { readonly token: string; readonly expirationTimestamp: string };
}

/** Asks only when a token is needed; the account is made where it is missing. */
export function serviceAccountCredentials(client: Client, name: string, clock: Clock): CredentialSource {
  let held: { readonly identity: Identity; readonly until: number } | undefined;
  let asking: Promise<Identity> | undefined;

  async function ask(): Promise<Identity> {
    const request = { spec: { expirationSeconds: LIFE_SECONDS } };
    const answer = await tokenFor(request).catch(async (error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
      await client.create(serviceaccounts, { metadata: { name, namespace: NAMESPACE } }).catch((refusal: unknown) => {
        if (!isStatusError(refusal, 'AlreadyExists')) throw refusal;
      });
      return tokenFor(request);
    });
    const now = clock.now();
    const identity = { authorization: bearer(answer.status.token) };
    held = { identity, until: now + (parseTime(answer.status.expirationTimestamp) - now) * USED_PART };
    return identity;
  }

  const tokenFor = (request: unknown): Promise<TokenAnswer> =>
    client.createSubresource<TokenAnswer>(serviceaccounts, { name, namespace: NAMESPACE }, 'token', request);

  const current = (): Promise<Identity> => {
    if (held !== undefined && clock.now() < held.until) return Promise.resolve(held.identity);
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    current,
    async refused(identity) {
      if (held?.identity === identity) held = undefined;
      return (await current()) !== identity;
    },
  };
}
