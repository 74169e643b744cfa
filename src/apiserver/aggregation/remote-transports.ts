// How callers in this process reach aggregated servers: over HTTPS like everybody, as the front proxy in their name.
import { isConditionTrue } from '#api/conditions.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { Lru } from '#base/lru.ts';
import type { Transport } from '#client/contract.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { authority } from '../kubelet/target.ts';
import { addressOf, trustOf, type RemoteDeps } from './remote.ts';
import { userHeaders } from './user-headers.ts';

export interface RemoteTransportDeps extends RemoteDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends all of them. */
  readonly signal: AbortSignal;
}

/** Most of them: components use few servers, whose addresses and certificates change. */
const MAX_OPEN = 128;

export class RemoteTransports {
  readonly #deps: RemoteTransportDeps;
  /** By address, trust, certificate and user. */
  readonly #open = new Lru<string, Transport>(MAX_OPEN, (transport) => void transport.close());

  constructor(deps: RemoteTransportDeps) {
    this.#deps = deps;
    deps.signal.addEventListener('abort', () => this.#open.clear(), { once: true });
  }

  /** @throws StatusError ServiceUnavailable */
  to(service: APIService, user: UserInfo): Transport {
    const { services, proxyCertificate, clock, logger } = this.#deps;
    if (!isConditionTrue(service.status.conditions, 'Available')) throw new StatusError('ServiceUnavailable', 'service unavailable');
    const server = `https://${authority(addressOf(service, services))}`;
    const { ca, serverName, insecureSkipVerify, client } = trustOf(service, proxyCertificate);
    const key = JSON.stringify([server, ca, serverName, insecureSkipVerify, client?.certificate, user]);
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const transport = httpsTransport({
      server,
      ...(ca === undefined ? {} : { ca: { pem: ca } }),
      ...(serverName === undefined ? {} : { serverName }),
      verify: insecureSkipVerify === true ? 'none' : 'full',
      ...(client === undefined ? {} : { credentials: fixedCredentials({ certificate: { cert: client.certificate, key: client.key } }) }),
      headers: userHeaders(user),
      clock,
      logger,
    });
    this.#open.set(key, transport);
    return transport;
  }
}
