// pure
// The token a machine joins with: which authority the cluster has, and a bootstrap token for it.
import type { New, Secret } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Ids } from '#base/ids.ts';

const FORM = /^K10([0-9a-f]{64})::([a-z0-9]{6})\.([a-z0-9]{16})$/;
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

export interface JoinToken {
  /** SHA-256 of the authority's public key, hex. */
  readonly authorityHash: string;
  readonly id: string;
  readonly secret: string;
}

/** `K10<hash>::<id>.<secret>`: k3s's form, around kubeadm's hash and a bootstrap token. */
export function formatJoinToken({ authorityHash, id, secret }: JoinToken): string {
  return `K10${authorityHash}::${id}.${secret}`;
}

/** What the API server takes as a bearer token. */
export function bootstrapToken({ id, secret }: JoinToken): string {
  return `${id}.${secret}`;
}

/** Undefined for what is no token. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const match = FORM.exec(text.trim());
  if (match === null) return undefined;
  const [, authorityHash = '', id = '', secret = ''] = match;
  return { authorityHash, id, secret };
}

export function newJoinToken(authorityHash: string, ids: Ids): JoinToken {
  return { authorityHash, id: letters(6, ids), secret: letters(16, ids) };
}

/** Evenly drawn: bytes beyond the last whole round of the alphabet are drawn again. */
function letters(count: number, ids: Ids): string {
  const limit = 256 - (256 % ALPHABET.length);
  let text = '';
  while (text.length < count) {
    const [byte = 255] = ids.bytes(1);
    if (byte < limit) text += ALPHABET.charAt(byte % ALPHABET.length);
  }
  return text;
}

/** The Secret that makes the token good until `expires` (milliseconds since the epoch). Source: cluster-bootstrap. */
export function tokenSecret({ id, secret }: JoinToken, expires: number | undefined, description: string): New<Secret> {
  return {
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      ...(expires === undefined ? {} : { expiration: formatTime(expires) }),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description,
    },
  };
}
