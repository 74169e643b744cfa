// The cluster's authority for nodes that have no credentials yet: offered to everyone, believed only by its hash.
import { createHash, X509Certificate } from 'node:crypto';
import { dump, load } from 'js-yaml';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { configmaps } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { CLUSTER_INFO } from '../node/users.ts';

/** A kubeconfig without user. Source: kubeadm phases/bootstraptoken/clusterinfo. */
export function clusterInfo(server: string, authority: string): string {
  const cluster = { 'certificate-authority-data': Buffer.from(authority).toString('base64'), server };
  return dump({ apiVersion: 'v1', kind: 'Config', clusters: [{ name: '', cluster }], contexts: [], users: [] }, { lineWidth: -1 });
}

/** SHA-256 of the authority's public key, in hex. Source: kubeadm pubkeypin.Hash. */
export function authorityHash(pem: string): string {
  return createHash('sha256')
    .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The server at this address is not the one the token was made for, or shows no authority. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
}

/**
 * Asks `server` for its authority, over a connection that is not trusted and carries no secret, and checks it.
 * @returns PEM
 * @throws AuthorityError; ConnectionError when nobody answers
 */
export async function fetchAuthority(
  server: string,
  hash: string,
  { clock, logger, signal }: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<string> {
  const transport = httpsTransport({ server, verify: 'none', clock, logger });
  try {
    const { data } = await createClient(transport).get(configmaps, CLUSTER_INFO, { signal });
    const pem = authorityOf(data?.['kubeconfig'] ?? '');
    if (pem === undefined) throw new AuthorityError(`${server} shows no certificate authority: is it a Proa or kubeadm cluster?`);
    const found = authorityHash(pem);
    if (found !== hash)
      throw new AuthorityError(
        `${server} has another certificate authority than the token was made for: check the address, or make a new token`,
      );
    return pem;
  } finally {
    await transport.close();
  }
}

function authorityOf(kubeconfig: string): string | undefined {
  const { clusters } = (load(kubeconfig) ?? {}) as {
    readonly clusters?: readonly { readonly cluster?: { readonly 'certificate-authority-data'?: string } }[];
  };
  const data = clusters?.[0]?.cluster?.['certificate-authority-data'];
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}
