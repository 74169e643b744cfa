// One object of every built-in kind that can be created, updated and deleted, for tests that take them all the same way.
import { generateKeyPairSync } from 'node:crypto';
import { pemRequest } from '#test/interop/certificate-request.ts';

export interface BuiltInObject {
  /** `deployments.apps`, in its preferred version. */
  readonly resource: string;
  /** Beside kind, apiVersion and metadata. */
  readonly content: object;
  /** A merge patch of the status, where there is one. */
  readonly status?: object;
  /** That the kind takes; default: `one`, `two`. */
  readonly names?: readonly string[];
}

const labels = { app: 'web' };
const selector = { matchLabels: labels };
const container = { name: 'main', image: 'example.test/main:1', resources: { requests: { cpu: '100m', memory: '1Gi' } } };
const podSpec = { containers: [container], automountServiceAccountToken: false };
const template = { metadata: { labels }, spec: podSpec };
const ended = { metadata: { labels }, spec: { ...podSpec, restartPolicy: 'Never' } };
const condition = { type: 'Seen', status: 'True', reason: 'Test', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' };
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }];
const deviceRequests = { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'some' } }] } };
const reference = { kind: 'Pod', namespace: 'default', name: 'web', apiVersion: 'v1' };
const matched = {
  matchPolicy: 'Equivalent',
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
};
const hook = {
  name: 'hook.example.test',
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  failurePolicy: 'Ignore',
  clientConfig: { url: 'https://127.0.0.1:1/none' },
  namespaceSelector: { matchLabels: { none: 'none' } },
  rules: [{ apiGroups: ['example.test'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nones'] }],
};

const definition = (plural: string, kind: string) => ({
  group: 'objects.example.test',
  scope: 'Namespaced',
  names: { plural, kind, singular: kind.toLowerCase() },
  versions: [
    {
      name: 'v1',
      served: true,
      storage: true,
      schema: {
        openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
      },
    },
  ],
});

export async function builtInObjects(): Promise<readonly BuiltInObject[]> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = Buffer.from(await pemRequest({ publicKey, privateKey, commonName: 'ann', organization: 'crew' })).toString('base64');
  return [
    { resource: 'configmaps', content: { data: { key: 'value' }, binaryData: { more: 'AAECAw==' } } },
    { resource: 'secrets', content: { data: { key: 'dmFsdWU=' }, type: 'Opaque' } },
    {
      resource: 'pods',
      content: { spec: podSpec },
      status: { phase: 'Running', message: 'm', conditions: [{ ...condition, lastProbeTime: null }] },
    },
    { resource: 'podtemplates', content: { template } },
    {
      resource: 'services',
      content: { spec: { type: 'LoadBalancer', selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } },
    },
    { resource: 'serviceaccounts', content: { imagePullSecrets: [{ name: 'pull' }] } },
    {
      resource: 'replicationcontrollers',
      content: { spec: { replicas: 2, selector: labels, template } },
      status: { replicas: 2, conditions: [condition] },
    },
    { resource: 'endpoints', content: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80, name: 'http' }] }] } },
    { resource: 'events', content: { involvedObject: reference, reason: 'Test', message: 'm', type: 'Normal', count: 1 } },
    { resource: 'limitranges', content: { spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } } },
    {
      resource: 'resourcequotas',
      content: { spec: { hard: { 'count/jobs.batch': '30' } } },
      status: { hard: { pods: '3' }, used: { pods: '1' } },
    },
    { resource: 'namespaces', content: {}, status: { conditions: [{ ...condition, type: 'NamespaceDeletionContentFailure' }] } },
    {
      resource: 'nodes',
      content: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
      status: { phase: 'Running', capacity: { cpu: '4' }, conditions: [{ ...condition, lastHeartbeatTime: '2026-01-01T00:00:00Z' }] },
    },
    {
      resource: 'persistentvolumes',
      content: {
        spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, csi: { driver: 'example.test', volumeHandle: 'one' } },
      },
      status: { message: 'm', reason: 'Test' },
    },
    {
      resource: 'persistentvolumeclaims',
      content: { spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'some', resources: { requests: { storage: '1Gi' } } } },
      status: { conditions: [{ ...condition, lastProbeTime: '2026-01-01T00:00:00Z' }] },
    },
    { resource: 'controllerrevisions.apps', content: { revision: 1, data: { spec: { a: 1 } } } },
    {
      resource: 'deployments.apps',
      content: { spec: { replicas: 2, selector, template } },
      status: { replicas: 2, conditions: [condition] },
    },
    {
      resource: 'replicasets.apps',
      content: { spec: { replicas: 2, selector, template } },
      status: { replicas: 2, conditions: [condition] },
    },
    {
      resource: 'statefulsets.apps',
      content: { spec: { replicas: 2, selector, template, serviceName: 'web' } },
      status: { replicas: 2, conditions: [condition] },
    },
    {
      resource: 'daemonsets.apps',
      content: { spec: { selector, template } },
      status: { desiredNumberScheduled: 3, conditions: [condition] },
    },
    {
      resource: 'jobs.batch',
      content: { spec: { template: ended, suspend: true } },
      status: { conditions: [{ ...condition, lastProbeTime: '2026-01-01T00:00:00Z' }] },
    },
    {
      resource: 'cronjobs.batch',
      content: { spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: ended } } } },
      status: { lastScheduleTime: '2026-01-01T00:00:00Z' },
    },
    {
      resource: 'horizontalpodautoscalers.autoscaling',
      content: {
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }],
        },
      },
      status: { desiredReplicas: 2, conditions: [condition] },
    },
    {
      resource: 'certificatesigningrequests.certificates.k8s.io',
      content: { spec: { request, signerName: 'example.test/none', usages: ['client auth'], expirationSeconds: 3600 } },
      status: { conditions: [{ ...condition, lastUpdateTime: '2026-01-01T00:00:00Z' }] },
    },
    { resource: 'ingressclasses.networking.k8s.io', content: { spec: { controller: 'example.test/some' } } },
    {
      resource: 'ingresses.networking.k8s.io',
      content: { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
    },
    {
      resource: 'ipaddresses.networking.k8s.io',
      content: { spec: { parentRef: { group: 'example.test', resource: 'gateways', name: 'door' } } },
      names: ['192.0.2.1', '192.0.2.2'],
    },
    { resource: 'networkpolicies.networking.k8s.io', content: { spec: { podSelector: selector, policyTypes: ['Ingress'] } } },
    { resource: 'servicecidrs.networking.k8s.io', content: { spec: { cidrs: ['192.0.2.0/24'] } }, status: { conditions: [condition] } },
    {
      resource: 'poddisruptionbudgets.policy',
      content: { spec: { minAvailable: '50%', selector } },
      status: { currentHealthy: 1, conditions: [condition] },
    },
    { resource: 'clusterroles.rbac.authorization.k8s.io', content: { rules } },
    { resource: 'clusterrolebindings.rbac.authorization.k8s.io', content: { roleRef, subjects } },
    { resource: 'roles.rbac.authorization.k8s.io', content: { rules } },
    { resource: 'rolebindings.rbac.authorization.k8s.io', content: { roleRef, subjects } },
    { resource: 'csidrivers.storage.k8s.io', content: { spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } } },
    { resource: 'csinodes.storage.k8s.io', content: { spec: { drivers: [{ name: 'example.test', nodeID: 'one' }] } } },
    {
      resource: 'csistoragecapacities.storage.k8s.io',
      content: { storageClassName: 'some', capacity: '1Gi', nodeTopology: selector },
    },
    { resource: 'storageclasses.storage.k8s.io', content: { provisioner: 'example.test', reclaimPolicy: 'Delete' } },
    {
      resource: 'volumeattachments.storage.k8s.io',
      content: { spec: { attacher: 'example.test', nodeName: 'one', source: { persistentVolumeName: 'some' } } },
      status: { attached: true, attachmentMetadata: { a: 'b' } },
    },
    { resource: 'volumeattributesclasses.storage.k8s.io', content: { driverName: 'example.test', parameters: { iops: '100' } } },
    {
      resource: 'validatingadmissionpolicies.admissionregistration.k8s.io',
      content: { spec: { matchConstraints: matched, validations: [{ expression: 'object.metadata.name != "x"' }] } },
      status: { observedGeneration: 1, conditions: [condition] },
    },
    {
      resource: 'validatingadmissionpolicybindings.admissionregistration.k8s.io',
      content: { spec: { policyName: 'none', validationActions: ['Warn'] } },
    },
    {
      resource: 'mutatingadmissionpolicies.admissionregistration.k8s.io',
      content: {
        spec: {
          matchConstraints: matched,
          reinvocationPolicy: 'Never',
          mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "remove", path: "/metadata/labels/none"}]' } }],
        },
      },
    },
    { resource: 'mutatingadmissionpolicybindings.admissionregistration.k8s.io', content: { spec: { policyName: 'none' } } },
    { resource: 'validatingwebhookconfigurations.admissionregistration.k8s.io', content: { webhooks: [hook] } },
    { resource: 'mutatingwebhookconfigurations.admissionregistration.k8s.io', content: { webhooks: [hook] } },
    {
      resource: 'customresourcedefinitions.apiextensions.k8s.io',
      content: { spec: definition('ones', 'One') },
      names: ['ones.objects.example.test'],
    },
    {
      resource: 'apiservices.apiregistration.k8s.io',
      content: {
        spec: {
          group: 'none.example.test',
          version: 'v1',
          groupPriorityMinimum: 100,
          versionPriority: 10,
          insecureSkipTLSVerify: true,
          service: { namespace: 'default', name: 'none' },
        },
      },
      status: { conditions: [condition] },
      names: ['v1.none.example.test'],
    },
    { resource: 'priorityclasses.scheduling.k8s.io', content: { value: 7, description: 'first' } },
    { resource: 'leases.coordination.k8s.io', content: { spec: { holderIdentity: 'x', renewTime: '2026-01-01T00:00:00.000001Z' } } },
    { resource: 'runtimeclasses.node.k8s.io', content: { handler: 'some', overhead: { podFixed: { cpu: '10m' } } } },
    {
      resource: 'endpointslices.discovery.k8s.io',
      content: {
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
        ports: [{ name: 'http', port: 80 }],
      },
    },
    {
      resource: 'deviceclasses.resource.k8s.io',
      content: { spec: { selectors: [{ cel: { expression: 'device.driver == "example.test"' } }] } },
    },
    { resource: 'resourceclaims.resource.k8s.io', content: { spec: deviceRequests }, status: {} },
    { resource: 'resourceclaimtemplates.resource.k8s.io', content: { spec: { spec: deviceRequests } } },
    {
      resource: 'resourceslices.resource.k8s.io',
      content: {
        spec: {
          driver: 'example.test',
          nodeName: 'one',
          pool: { name: 'one', generation: 1, resourceSliceCount: 1 },
          devices: [{ name: 'a', attributes: { size: { int: 3 } }, capacity: { memory: { value: '1Gi' } } }],
        },
      },
    },
    {
      resource: 'flowschemas.flowcontrol.apiserver.k8s.io',
      content: {
        spec: {
          matchingPrecedence: 9000,
          priorityLevelConfiguration: { name: 'global-default' },
          distinguisherMethod: { type: 'ByUser' },
          rules: [
            {
              subjects: [{ kind: 'User', user: { name: 'nobody-at-all' } }],
              nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
            },
          ],
        },
      },
      status: { conditions: [condition] },
    },
    {
      resource: 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
      content: { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } } },
      status: { conditions: [condition] },
    },
    {
      resource: 'events.events.k8s.io',
      content: {
        regarding: reference,
        reason: 'Test',
        note: 'm',
        type: 'Normal',
        action: 'Do',
        eventTime: '2026-01-01T00:00:00.000001Z',
        reportingController: 'example.test/some',
        reportingInstance: 'one',
      },
    },
  ];
}
