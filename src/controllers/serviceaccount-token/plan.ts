// pure
// What a Secret of type kubernetes.io/service-account-token lacks. Source: tokens_controller.go syncSecret, generateTokenIfNeeded.
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
  const wanted = {
    ...(rootCA === '' ? {} : { 'ca.crt': base64(rootCA) }),
    namespace: base64(metadata.namespace),
    token: (data['token'] ?? '') === '' ? base64(token()) : (data['token'] as string),
  };
  const filled = Object.entries(wanted).every(([key, value]) => data[key] === value);
  if (filled && uid === account.metadata.uid) return { kind: 'keep' };
  return {
    kind: 'fill',
    secret: {
      ...secret,
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [ACCOUNT_NAME]: account.metadata.name, [ACCOUNT_UID]: account.metadata.uid },
      },
      data: { ...data, ...wanted },
    },
  };
}
