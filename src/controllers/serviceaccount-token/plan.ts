// pure
// What a Secret of type kubernetes.io/service-account-token lacks. Source: tokens_controller.go syncSecret, generateTokenIfNeeded,
// removeSecretReference.
import type { Secret, ServiceAccount } from '#api/types.ts';

export const TOKEN_TYPE = 'kubernetes.io/service-account-token';
export const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';

export type Plan =
  | { readonly kind: 'keep' }
  /** Its account is gone, or was made anew under the same name. */
  | { readonly kind: 'delete' }
  | { readonly kind: 'fill'; readonly secret: Secret };

export interface Observed {
  readonly secret: Secret;
  /** That the Secret names; undefined where there is none. */
  readonly account: ServiceAccount | undefined;
  /** PEM; empty: none is put in. */
  readonly rootCA: string;
  /** The token of this account in this Secret. */
  readonly token: () => string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function planTokenSecret({ secret, account, rootCA, token }: Observed): Plan {
  const { metadata, data = {} } = secret;
  if (secret.type !== TOKEN_TYPE || metadata.deletionTimestamp !== undefined) return { kind: 'keep' };
  const uid = metadata.annotations?.[ACCOUNT_UID] ?? '';
  if (account === undefined || (uid !== '' && uid !== account.metadata.uid)) return { kind: 'delete' };
  // Only the certificate is put right: a namespace or token of the owner's own stays.
  const lacks = (key: string): boolean => (data[key] ?? '') === '';
  const missing = {
    ...(rootCA === '' || data['ca.crt'] === base64(rootCA) ? {} : { 'ca.crt': base64(rootCA) }),
    ...(lacks('namespace') ? { namespace: base64(metadata.namespace) } : {}),
    ...(lacks('token') ? { token: base64(token()) } : {}),
  };
  if (Object.keys(missing).length === 0) return { kind: 'keep' };
  return {
    kind: 'fill',
    secret: {
      ...secret,
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [ACCOUNT_NAME]: account.metadata.name, [ACCOUNT_UID]: account.metadata.uid },
      },
      data: { ...data, ...missing },
    },
  };
}

/** The account without its mention of a Secret that is gone; undefined when it makes none, or is another than that of the token. */
export function withoutReference(account: ServiceAccount, gone: Secret): ServiceAccount | undefined {
  const uid = gone.metadata.annotations?.[ACCOUNT_UID] ?? '';
  if (uid !== '' && uid !== account.metadata.uid) return undefined;
  const secrets = (account.secrets ?? []).filter(({ name }) => name !== gone.metadata.name);
  return secrets.length === (account.secrets ?? []).length ? undefined : { ...account, secrets };
}
