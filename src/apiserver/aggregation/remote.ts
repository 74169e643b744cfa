// Calls to aggregated servers: as the front proxy, in the name of a user.
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { authority } from '../kubelet/target.ts';
import type { Address, Outbound, OutboundAnswer, ServiceResolver, Trust } from '../outbound/contract.ts';
import { backendOf } from './availability-plan.ts';
import { userHeaders } from './user-headers.ts';

/** PEM texts, read anew for each connection: what shows aggregated servers that this is the front proxy. */
export type ProxyCertificate = () => { readonly certificate: string; readonly key: string };

export interface RemoteDeps {
  readonly outbound: Outbound;
  readonly services: ServiceResolver;
  /** Absent: aggregated servers can trust no header. */
  readonly proxyCertificate: ProxyCertificate | undefined;
}

/** Source: remote.BuildTransportConfig. */
export function trustOf({ spec }: APIService, proxyCertificate: ProxyCertificate | undefined): Trust {
  const { caBundle = '', insecureSkipTLSVerify = false, service } = spec;
  const client = proxyCertificate?.();
  return {
    ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString() }),
    serverName: `${service?.name ?? ''}.${service?.namespace ?? ''}.svc`,
    insecureSkipVerify: insecureSkipTLSVerify,
    ...(client === undefined ? {} : { client }),
  };
}

/** @throws StatusError when the Service leads nowhere */
export function addressOf(service: APIService, services: ServiceResolver): Address {
  const backend = backendOf(service);
  if (backend === undefined) throw new Error(`${service.metadata.name} is served here`);
  return services.resolve(backend);
}

export interface RemoteRequest {
  readonly path: string;
  readonly user: UserInfo;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** GET. @throws OutboundError, StatusError */
export function fetchFrom(
  service: APIService,
  { path, user, headers, timeoutMs, signal }: RemoteRequest,
  deps: RemoteDeps,
): Promise<OutboundAnswer> {
  const address = addressOf(service, deps.services);
  return deps.outbound.call({
    method: 'GET',
    address,
    url: `https://${authority(address)}${path}`,
    trust: trustOf(service, deps.proxyCertificate),
    headers: { ...headers, ...userHeaders(user) },
    timeoutMs,
    signal,
  });
}
