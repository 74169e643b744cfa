// The Service `kubernetes` in `default`: how pods reach the API server. Source: pkg/controlplane/controller/kubernetesservice.
import { isStatusError } from '#apimachinery/errors.ts';
import { endpoints, endpointslices, services } from '#api/resources.ts';
import type { Endpoints, EndpointSlice, New, Service } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

const NAMESPACE = 'default';
const NAME = 'kubernetes';
const PORT_NAME = 'https';
const SERVICE_PORT = 443;

export interface ApiAddress {
  /** First address of the Service network. */
  readonly clusterIP: string;
  /** Where the API server itself listens, as the nodes reach it. */
  readonly address: string;
  readonly port: number;
}

/** Brings the Service and its endpoints to `address`. Safe to repeat. @throws StatusError, ConnectionError */
export async function ensureKubernetesService(client: Client, { clusterIP, address, port }: ApiAddress): Promise<void> {
  const service: New<Service> = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: NAMESPACE, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { type: 'ClusterIP', clusterIP, ports: [{ name: PORT_NAME, port: SERVICE_PORT, protocol: 'TCP', targetPort: port }] },
  };
  const slice: New<EndpointSlice> = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: PORT_NAME, port, protocol: 'TCP' }],
  };
  const legacy: New<Endpoints> = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: NAME, namespace: NAMESPACE, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: PORT_NAME, port, protocol: 'TCP' }] }],
  };
  await existing(() => client.create(services, service));
  if (await existing(() => client.create(endpointslices, slice))) await client.update(endpointslices, slice);
  if (await existing(() => client.create(endpoints, legacy))) await client.update(endpoints, legacy);
}

/** @returns whether it was there already */
async function existing(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return false;
  } catch (error) {
    // Its cluster IP is found taken before its name is: by the Service itself, made in an earlier run.
    if (isStatusError(error, 'AlreadyExists') || (isStatusError(error, 'Invalid') && error.message.includes('already allocated')))
      return true;
    throw error;
  }
}
