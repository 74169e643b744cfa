// Shapes of upstream's scheduler_perf dra/ performance-config.yaml files, at ten times their 500 nodes.
import type { DeviceRequest } from '#api/gen/resource-v1.ts';
import { deviceclasses, resourceclaims, resourceslices } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import type { InProcess } from '../in-process.ts';
import { container, NAMESPACE, plainPod, type Shape } from '../shape.ts';

const DRIVER = 'test-driver.cdi.k8s.io';
/** Source: maxClaimsPerNode. */
const DEVICES = 10;

const one = (name: string, more: object = {}): DeviceRequest =>
  ({ name, exactly: { deviceClassName: 'test-class', allocationMode: 'ExactCount', count: 1, ...more } }) as unknown as DeviceRequest;

type Devices = (node: number) => readonly object[];

const plainDevices: Devices = () => Array.from({ length: DEVICES }, (_, i) => ({ name: `dev-${i}` }));

const drivers =
  (devices: Devices = plainDevices) =>
  (server: InProcess, nodes: number): void => {
    server.add(deviceclasses, {
      metadata: { name: 'test-class' },
      spec: { selectors: [{ cel: { expression: `device.driver == '${DRIVER}'` } }], extendedResourceName: 'example.com/device' },
    });
    for (let i = 0; i < nodes; i++) {
      const name = `node-${i}`;
      const pool = { name, generation: 1, resourceSliceCount: 1 };
      server.add(resourceslices, { metadata: { name }, spec: { driver: DRIVER, pool, nodeName: name, devices: devices(i) } });
    }
  };

/** Claims that have so many of each node's devices. */
const taken =
  (perNode: number, spare = 0) =>
  (server: InProcess, nodes: number): void => {
    drivers()(server, nodes);
    for (let i = 0; i < nodes * perNode - spare; i++) {
      const [node, device] = [`node-${Math.floor(i / perNode)}`, `dev-${i % perNode}`];
      const results = [{ request: 'req-0', driver: DRIVER, pool: node, device }];
      const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
      server.add(resourceclaims, {
        metadata: { name: `taken-${i}`, namespace: NAMESPACE },
        spec: { devices: { requests: [one('req-0')] } },
        status: { allocation: { devices: { results }, nodeSelector: { nodeSelectorTerms: [{ matchFields }] } } },
      });
    }
  };

/** As the controller makes it of a template. */
const claimFor =
  (requests: readonly DeviceRequest[]) =>
  (server: InProcess, i: number): void => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: `pod-${i}`, uid: `pod-${i}`, controller: true, blockOwnerDeletion: true };
    server.add(resourceclaims, {
      metadata: { name: `claim-${i}`, namespace: NAMESPACE, ownerReferences: [owner] },
      spec: { devices: { requests } },
      status: {},
    });
  };

const claimant = (i: number): New<Pod> => ({
  ...plainPod(`pod-${i}`, { resourceClaims: [{ name: 'resource', resourceClaimTemplateName: 'test' }] }),
  status: { phase: 'Pending', resourceClaimStatuses: [{ name: 'resource', resourceClaimName: `claim-${i}` }] },
});

const gone = (server: InProcess, i: number): void => {
  server.removePod(`pod-${i}`);
  server.remove(resourceclaims, { metadata: { name: `claim-${i}`, namespace: NAMESPACE } });
};

/** Source: steadyState with ten pods. */
const steady = { pods: 10, gone };

const steadyState = (name: string, gate: number | undefined, prepare: Shape['prepare'], requests = [one('req-0')]): Shape => ({
  ...(gate === undefined ? {} : { gate }),
  source: `SteadyStateCluster${name}`,
  pods: 5000,
  ...(prepare === undefined ? {} : { prepare }),
  before: claimFor(requests),
  pod: claimant,
  steady,
});

const alternatives = {
  name: 'req-0',
  firstAvailable: [
    { name: 'many', deviceClassName: 'test-class', allocationMode: 'ExactCount', count: DEVICES + 1 },
    { name: 'one', deviceClassName: 'test-class', allocationMode: 'ExactCount', count: 1 },
  ],
} as unknown as DeviceRequest;

const SHARED_BY = 5;

export const DEVICE_SHAPES: Readonly<Record<string, Shape>> = {
  'dra-template': {
    gate: 56,
    source: 'SchedulingWithResourceClaimTemplate 5000pods_500nodes',
    pods: 5000,
    prepare: drivers(),
    before: claimFor([one('req-0')]),
    pod: claimant,
  },
  'dra-steady-empty': steadyState('ResourceClaimTemplate empty_500nodes', 64, drivers()),
  'dra-steady-half': steadyState('ResourceClaimTemplate half_500nodes', 60, taken(DEVICES / 2)),
  'dra-steady-full': steadyState('ResourceClaimTemplate full_500nodes', 60, taken(DEVICES, 10)),
  'dra-first-available': steadyState('ResourceClaimTemplateFirstAvailable, none given', undefined, drivers(), [alternatives]),
  'dra-shared-capacity': steadyState(
    'ResourceClaimTemplateConsumableCapacity, none given',
    undefined,
    drivers(() => [
      { name: 'a', allowMultipleAllocations: true, capacity: { memory: { value: '80Gi' } } },
      { name: 'b', allowMultipleAllocations: true, capacity: { memory: { value: '80Gi' } } },
    ]),
    [one('req-0', { count: 2, capacity: { requests: { memory: '40Gi' } } })],
  ),
  'dra-claims': {
    source: 'SchedulingWithResourceClaim 5000pods_500nodes: five pods share a claim; none given',
    pods: 5000,
    prepare: drivers(),
    before(server, i) {
      if (i % SHARED_BY !== 0) return;
      server.add(resourceclaims, {
        metadata: { name: `shared-${i / SHARED_BY}`, namespace: NAMESPACE },
        spec: { devices: { requests: [one('req-0')] } },
        status: {},
      });
    },
    pod: (i) => plainPod(`pod-${i}`, { resourceClaims: [{ name: 'resource', resourceClaimName: `shared-${Math.floor(i / SHARED_BY)}` }] }),
  },
  'dra-extended-resource': {
    source: 'SchedulingWithExtendedResource 5000pods_500nodes of dra/extendedresource, none given',
    pods: 5000,
    prepare: drivers(),
    pod: (i) => plainPod(`pod-${i}`, { containers: container('100m', '500Mi', { 'example.com/device': '1' }) }),
  },
};
