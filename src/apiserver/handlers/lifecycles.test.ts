// The way through its API that every resource of nodes, storage, network and policies can go: made, read, found, followed, changed, removed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  configmaps,
  csidrivers,
  csinodes,
  csistoragecapacities,
  deviceclasses,
  endpoints,
  endpointslices,
  flowschemas,
  ingressclasses,
  ingresses,
  ipaddresses,
  leases,
  mutatingadmissionpolicies,
  mutatingadmissionpolicybindings,
  networkpolicies,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  podtemplates,
  prioritylevelconfigurations,
  resourceclaims,
  resourceclaimtemplates,
  resourceslices,
  runtimeclasses,
  secrets,
  servicecidrs,
  services,
  storageclasses,
  validatingadmissionpolicies,
  validatingadmissionpolicybindings,
  volumeattachments,
  volumeattributesclasses,
} from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

const matchConstraints = {
  resourceRules: [{ operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
};

let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({ clock: new ManualClock() });
  ({ client } = running);
});
after(() => running.stop());

interface Way {
  readonly resource: Resource<KubeObject>;
  /** Beside the metadata. */
  readonly content: object;
  /** A merge patch of the status, where there is one. */
  readonly status?: object;
  /** Three that the kind takes. */
  readonly names?: readonly [string, string, string];
}

const way = <T extends KubeObject>(resource: Resource<T>, content: object, status?: object, names?: Way['names']): Way => ({
  resource: resource as unknown as Resource<KubeObject>,
  content,
  ...(status === undefined ? {} : { status }),
  ...(names === undefined ? {} : { names }),
});

const condition = {
  type: 'StatusUpdate',
  status: 'True',
  reason: 'E2E',
  message: 'Set from a test',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};
const container = { name: 'main', image: 'example.test/main:1' };
const attributes = { driverName: 'example.test', parameters: { iops: '100' } };
const deviceRequests = { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'some' } }] } };

const backend = { service: { name: 'some', port: { number: 80 } } };

const WAYS: readonly Way[] = [
  way(
    services,
    { spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80 }], loadBalancerClass: 'example.test/some' } },
    { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] }, conditions: [condition] },
  ),
  way(endpoints, { subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }] }),
  way(endpointslices, { addressType: 'IPv4', endpoints: [{ addresses: ['1.2.3.4'] }, { addresses: ['2.2.3.4'] }] }),
  way(
    ingresses,
    { spec: { defaultBackend: backend, rules: [{ host: 'a.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] } },
    { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
  ),
  way(ingressclasses, { spec: { controller: 'example.test/controller' } }),
  way(networkpolicies, { spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}] } }),
  way(servicecidrs, { spec: { cidrs: ['203.0.113.0/24'] } }, { conditions: [condition] }),
  way(ipaddresses, { spec: { parentRef: { group: 'some', resource: 'others', namespace: 'default', name: 'one' } } }, undefined, [
    '255.255.255.255',
    '203.0.113.7',
    'fe80::42:1dff:fe84:f9e2',
  ]),
  way(configmaps, { data: { key: 'value' } }),
  way(secrets, { data: { key: 'dmFsdWU=' } }),
  way(podtemplates, { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } } }),
  way(nodes, {}, { phase: 'Running', conditions: [{ ...condition, lastHeartbeatTime: null }] }),
  way(leases, { spec: { holderIdentity: 'holder', leaseDurationSeconds: 30 } }),
  way(runtimeclasses, { handler: 'some' }),
  way(csidrivers, { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }),
  way(csinodes, { spec: { drivers: [{ name: 'example.test', nodeID: 'one' }] } }),
  way(csistoragecapacities, { storageClassName: 'some', capacity: '1Gi', nodeTopology: { matchLabels: { a: 'b' } } }),
  way(storageclasses, { provisioner: 'example.test', reclaimPolicy: 'Delete' }),
  way(volumeattributesclasses, attributes),
  way(
    volumeattachments,
    { spec: { attacher: 'example.test', nodeName: 'one', source: { persistentVolumeName: 'some' } } },
    { attached: true, attachmentMetadata: { a: 'b' } },
  ),
  way(
    persistentvolumes,
    {
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        storageClassName: 'some',
        csi: { driver: 'example.test', volumeHandle: 'one' },
      },
    },
    { message: 'Set from a test', reason: 'E2E' },
  ),
  way(
    persistentvolumeclaims,
    { spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'some', resources: { requests: { storage: '1Gi' } } } },
    { conditions: [{ ...condition, lastProbeTime: null }] },
  ),
  way(deviceclasses, { spec: { selectors: [{ cel: { expression: 'true' } }] } }),
  way(resourceclaims, { spec: deviceRequests }),
  way(resourceclaimtemplates, { spec: { spec: deviceRequests } }),
  way(resourceslices, {
    spec: {
      driver: 'example.test',
      nodeName: 'one',
      pool: { name: 'one', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'a' }],
    },
  }),
  way(flowschemas, {
    spec: {
      matchingPrecedence: 10_000,
      priorityLevelConfiguration: { name: 'global-default' },
      rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }],
    },
  }),
  way(prioritylevelconfigurations, {
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } },
  }),
  way(validatingadmissionpolicies, { spec: { matchConstraints, validations: [{ expression: 'object.spec.replicas <= 100' }] } }),
  way(validatingadmissionpolicybindings, { spec: { policyName: 'one', validationActions: ['Deny'] } }),
  way(mutatingadmissionpolicies, {
    spec: {
      matchConstraints,
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: 100}}' } }],
    },
  }),
  way(mutatingadmissionpolicybindings, { spec: { policyName: 'one' } }),
];

describe('lifecycle', () => {
  for (const { resource, content, status, names: [one, ...others] = ['one', 'two', 'three'] } of WAYS) {
    test(`of ${resource.resource}`, async () => {
      const scope = resource.namespaced ? { namespace: 'default' } : {};
      const ref = { ...scope, name: one };
      const labelSelector = 'walk=yes';
      const object = (name: string) => ({ ...content, metadata: { ...scope, name, labels: { walk: 'yes' } } });

      const created = await client.create(resource, object(one));
      assert.match(created.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
      const { items, metadata } = await client.list(resource, { labelSelector });
      assert.deepEqual(
        items.map((each) => each.metadata.uid),
        [created.metadata.uid],
      );
      const watch = client.watch(resource, { ...scope, labelSelector, resourceVersion: metadata.resourceVersion ?? '' });

      const patched = await client.patch(resource, ref, { type: 'merge', body: { metadata: { labels: { patched: 'yes' } } } });
      assert.deepEqual(patched.metadata.labels, { walk: 'yes', patched: 'yes' });
      const updated = await client.update(resource, {
        ...patched,
        metadata: { ...patched.metadata, annotations: { updated: 'yes' } },
      } as KubeObject);
      assert.equal(updated.metadata.annotations?.['updated'], 'yes');
      assert.deepEqual((await client.get(resource, ref)).metadata, updated.metadata);
      if (status !== undefined) {
        const stated = (await client.patch(resource, ref, { type: 'merge', body: { status } }, { subresource: 'status' })) as KubeObject & {
          readonly status?: object;
        };
        assert.deepEqual({ ...stated.status, ...status }, { ...stated.status });
        const again = await client.update(resource, stated, { subresource: 'status' });
        assert.deepEqual(again, stated);
        assert.deepEqual(await client.get(resource, ref, { subresource: 'status' }), stated);
      }
      await client.delete(resource, ref);
      const seen: string[] = [];
      if (!(await absent(resource, ref))) await release(resource, ref);
      for await (const event of watch) {
        seen.push(event.type);
        if (event.type === 'DELETED') break;
      }
      assert.deepEqual(seen.slice(0, 2), ['MODIFIED', 'MODIFIED']);

      for (const name of others) await client.create(resource, object(name));
      await client.deleteCollection(resource, { ...scope, labelSelector });
      for (const name of others) if (!(await absent(resource, { ...scope, name }))) await release(resource, { ...scope, name });
      assert.deepEqual((await client.list(resource, { labelSelector })).items, []);
    });
  }
});

async function absent(resource: Resource<KubeObject>, ref: { readonly name: string; readonly namespace?: string }): Promise<boolean> {
  try {
    await client.get(resource, ref);
    return false;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return true;
    throw error;
  }
}

/** Plays the controller that protects what is in use. */
async function release(resource: Resource<KubeObject>, ref: { readonly name: string; readonly namespace?: string }): Promise<void> {
  await client.patch(resource, ref, { type: 'merge', body: { metadata: { finalizers: null } } });
}
