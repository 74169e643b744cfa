// Tokens that Secrets keep, signed with the cluster's key. Source: kube-controller-manager --service-account-private-key-file.
import { readFileSync } from 'node:fs';
import type { ServiceAccount } from '#api/types.ts';
import { ServiceAccountTokenIssuer } from '#apiserver/authentication/service-account/issuer.ts';
import { signingKey } from '#apiserver/authentication/service-account/keys.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Pki } from '../pki/store.ts';

/** @throws Error when sa.key cannot be read */
export function secretTokens(
  pki: Pki,
  deps: { readonly clock: Clock; readonly ids: Ids },
): (account: ServiceAccount, secretName: string) => string {
  const key = signingKey(readFileSync(pki.keyPath('sa'), 'utf8'));
  // Such tokens say `kubernetes/serviceaccount`, whatever other tokens say.
  const issuer = new ServiceAccountTokenIssuer({ issuer: '', key, ...deps });
  return (account, secretName) => issuer.issueLegacy(account, secretName);
}
