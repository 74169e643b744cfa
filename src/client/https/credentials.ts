// Who the client says it is. A source may change its answer at any time; the transport asks before each request.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { WatchedFile } from './watched-file.ts';

export interface ClientCertificate {
  /** PEM, the leaf first. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Identity {
  /** Value of the header: `Bearer …`. */
  readonly authorization?: string;
  /** Used when a connection is made; another one makes new connections. */
  readonly certificate?: ClientCertificate;
}

export interface CredentialSource {
  /** Cheap when nothing changed. Rejects when there are no credentials to be had. */
  current(): Promise<Identity>;
  /** The server answered 401 to `identity`. Resolves to true when another one is there now. */
  refused(identity: Identity): Promise<boolean>;
}

export const anonymous: CredentialSource = fixedCredentials({});

export function fixedCredentials(identity: Identity): CredentialSource {
  return { current: async () => identity, refused: async () => false };
}

export const bearer = (token: string): string => `Bearer ${token}`;
export const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** True when the key belongs to the certificate: while files are replaced one after the other, they may not match. */
function matches({ cert, key }: ClientCertificate): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

export interface CredentialFiles {
  readonly tokenFile?: string;
  /** Both or none. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

/**
 * Credentials from files, read again when they change. Source: client-go transport NewCachedFileTokenSource and
 * cert_rotation.go.
 */
export function fileCredentials({ tokenFile, certFile, keyFile }: CredentialFiles, clock: Clock, logger: Logger): CredentialSource {
  const open = (path: string | undefined): WatchedFile | undefined =>
    path === undefined ? undefined : new WatchedFile(path, clock, logger);
  const [token, cert, key] = [open(tokenFile), open(certFile), open(keyFile)];
  let pair: ClientCertificate | undefined = undefined;

  async function certificate(): Promise<ClientCertificate | undefined> {
    if (cert === undefined || key === undefined) return undefined;
    const next = { cert: await cert.read(), key: await key.read() };
    if (pair !== undefined && pair.cert === next.cert && pair.key === next.key) return pair;
    if (matches(next)) pair = next;
    else if (pair === undefined) throw new Error(`the key in ${key.path} does not belong to the certificate in ${cert.path}`);
    else logger.warn('client certificate and key do not match, the last pair stays in use', { path: cert.path });
    return pair;
  }

  async function current(): Promise<Identity> {
    const presented = await certificate();
    return {
      ...(token === undefined ? {} : { authorization: bearer((await token.read()).trim()) }),
      ...(presented === undefined ? {} : { certificate: presented }),
    };
  }

  return {
    current,
    async refused(identity) {
      for (const file of [token, cert, key]) file?.expire();
      const now = await current();
      return now.authorization !== identity.authorization || now.certificate !== identity.certificate;
    },
  };
}
