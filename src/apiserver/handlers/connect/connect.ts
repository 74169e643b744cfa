// What all requests that leave for another server share: admission, the object they are about, and the kubelet behind it.
import type { KubeObject, Node, Pod } from '#api/types.ts';
import { nodes } from '#api/resources.ts';
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import type { Exchange } from '../../http/exchange.ts';
import { kubeletEndpoint } from '../../kubelet/endpoint.ts';
import type { CredentialsSource } from '../../kubelet/credentials.ts';
import type { Target } from '../../kubelet/target.ts';
import { get } from '../../registry/get.ts';
import type { Registry } from '../../registry/write-call.ts';
import type { Answer } from '../answer.ts';
import { namespaceOf, storedOf, type Operation } from '../operation.ts';

/** Admission of CONNECT; `options` is what the query asks for, without kind. @throws StatusError */
export async function admitConnect(operation: Operation, kind: GroupVersionKind, options: object, { admission }: Registry): Promise<void> {
  const { request, served, subresource } = operation;
  if (request.query.has('dryRun')) throw badRequest('dryRun is not supported');
  if (!admission.handles('CONNECT')) return;
  await admission.judge({
    operation: 'CONNECT',
    name: request.info.name,
    namespace: request.info.namespace,
    resource: served.info,
    subresource: subresource?.name ?? '',
    kind,
    object: { kind: kind.kind, apiVersion: kind.version, ...options } as unknown as KubeObject,
    oldObject: undefined,
    options: undefined,
    dryRun: false,
    user: request.user,
    request,
  });
}

/** The object the path names. @throws StatusError NotFound */
export async function connected<T>(operation: Operation, registry: Registry): Promise<T> {
  const { served, request } = operation;
  const found = await get(
    { served, stored: storedOf(operation), request, namespace: namespaceOf(operation), name: request.info.name, resourceVersion: '' },
    registry,
  );
  return found.object as T;
}

/** The kubelet of the pod's node. @throws StatusError BadRequest for a pod without one */
export function kubeletOf(pod: Pod, { reader }: Registry, credentials: CredentialsSource, path: string): Target {
  const { nodeName = '' } = pod.spec;
  if (nodeName === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const node = reader.get(nodes, nodeName);
  if (node === undefined)
    throw new StatusError('NotFound', `nodes ${JSON.stringify(nodeName)} not found`, { name: nodeName, kind: 'nodes' });
  return kubeletTarget(node, credentials, path);
}

export function kubeletTarget(node: Node, credentials: CredentialsSource, path: string): Target {
  const { clientCertificate, clientKey, ca } = credentials();
  const tls = { cert: clientCertificate, key: clientKey, ...(ca === undefined ? { rejectUnauthorized: false } : { ca }) };
  return { scheme: 'https', ...kubeletEndpoint(node), path, tls };
}

export const stream = (serve: (exchange: Exchange) => Promise<void>): Answer => ({ kind: 'stream', serve });
