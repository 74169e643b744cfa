import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableCell } from './contract.ts';
import { metadata, printed } from './testing.ts';

const template = {
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [
      { name: 'a', image: 'x:1' },
      { name: 'b', image: 'y:2' },
    ],
  },
};
const spec = { replicas: 3, selector: { matchLabels: { app: 'web' } }, template };
const clusterIp = { type: 'ClusterIP', clusterIPs: ['10.96.0.1'], ports: [{ port: 80, protocol: 'TCP' }] };

const cases: readonly {
  readonly name: string;
  readonly kind: string;
  readonly version?: string;
  readonly object: object;
  readonly cells: Record<string, TableCell>;
}[] = [
  {
    name: 'deployment',
    kind: 'apps/Deployment',
    object: { spec, status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 } },
    cells: {
      Name: 'web',
      Ready: '2/3',
      'Up-to-date': 3,
      Available: 1,
      Age: '5m',
      Containers: 'a,b',
      Images: 'x:1,y:2',
      Selector: 'app=web',
    },
  },
  {
    name: 'deployment without pods',
    kind: 'apps/Deployment',
    object: { spec, status: {} },
    cells: { Ready: '0/3', 'Up-to-date': 0, Available: 0 },
  },
  {
    name: 'binding of a policy to parameters by name',
    kind: 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
    object: { spec: { policyName: 'p', paramRef: { name: 'n' } } },
    cells: { Name: 'web', PolicyName: 'p', ParamRef: '*/n', Age: '5m' },
  },
  {
    name: 'binding of a policy to parameters of a namespace',
    kind: 'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
    object: { spec: { policyName: 'p', paramRef: { name: 'n', namespace: 'ns' } } },
    cells: { PolicyName: 'p', ParamRef: 'ns/n' },
  },
  {
    name: 'binding of a policy to parameters by labels',
    kind: 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
    object: {
      spec: {
        policyName: 'p',
        paramRef: {
          selector: {
            matchLabels: { b: '2', a: '1' },
            matchExpressions: [
              { key: 'k', operator: 'In', values: ['x', 'y'] },
              { key: 'l', operator: 'Exists' },
            ],
          },
        },
      },
    },
    cells: {
      ParamRef:
        '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},LabelSelectorRequirement{Key:l,Operator:Exists,Values:[],},},}',
    },
  },
  {
    name: 'binding of a policy without parameters',
    kind: 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
    object: { spec: { policyName: 'p' } },
    cells: { ParamRef: '<unset>' },
  },
  {
    name: 'what any workload is scaled by',
    kind: 'autoscaling/Scale',
    object: { spec: { replicas: 3 }, status: { replicas: 2 } },
    cells: { Name: 'web', Desired: 3, Available: 2, Age: '5m' },
  },
  {
    name: 'replica set',
    kind: 'apps/ReplicaSet',
    object: { spec, status: { replicas: 2, readyReplicas: 1 } },
    cells: { Desired: 3, Current: 2, Ready: 1, Selector: 'app=web' },
  },
  {
    name: 'stateful set',
    kind: 'apps/StatefulSet',
    object: { spec, status: { replicas: 1 } },
    cells: { Name: 'web', Ready: '0/3', Age: '5m', Containers: 'a,b', Images: 'x:1,y:2' },
  },
  {
    name: 'finished job',
    kind: 'batch/Job',
    object: {
      spec: { ...spec, completions: 2 },
      status: {
        succeeded: 2,
        startTime: '2026-01-01T23:55:00Z',
        completionTime: '2026-01-01T23:55:07Z',
        conditions: [{ type: 'Complete', status: 'True' }],
      },
    },
    cells: { Status: 'Complete', Completions: '2/2', Duration: '7s' },
  },
  {
    name: 'job of a work queue',
    kind: 'batch/Job',
    object: { spec: { ...spec, parallelism: 3 }, status: {} },
    cells: { Status: 'Running', Completions: '0/1 of 3', Duration: '' },
  },
  {
    name: 'service',
    kind: '/Service',
    object: { spec: clusterIp, status: { loadBalancer: {} } },
    cells: {
      Name: 'web',
      Type: 'ClusterIP',
      'Cluster-IP': '10.96.0.1',
      'External-IP': '<none>',
      'Port(s)': '80/TCP',
      Age: '5m',
      Selector: '<none>',
    },
  },
  {
    name: 'node port',
    kind: '/Service',
    object: {
      spec: {
        ...clusterIp,
        type: 'NodePort',
        ports: [
          { port: 80, nodePort: 30_080, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
      },
      status: { loadBalancer: {} },
    },
    cells: { 'Port(s)': '80:30080/TCP,53/UDP' },
  },
  {
    name: 'load balancer that has no address yet',
    kind: '/Service',
    object: { spec: { ...clusterIp, type: 'LoadBalancer' }, status: { loadBalancer: {} } },
    cells: { 'External-IP': '<pending>' },
  },
  {
    name: 'load balancer',
    kind: '/Service',
    object: {
      spec: { ...clusterIp, type: 'LoadBalancer', externalIPs: ['1.1.1.1'] },
      status: { loadBalancer: { ingress: [{ ip: '9.9.9.9' }, { hostname: 'lb' }] } },
    },
    cells: { 'External-IP': '9.9.9.9,lb,1.1.1.1' },
  },
  {
    name: 'external name',
    kind: '/Service',
    object: { spec: { type: 'ExternalName', externalName: 'db.example.com' }, status: { loadBalancer: {} } },
    cells: { 'Cluster-IP': '<none>', 'External-IP': 'db.example.com', 'Port(s)': '<none>' },
  },
  {
    name: 'namespace',
    kind: '/Namespace',
    object: { spec: {}, status: { phase: 'Active' } },
    cells: { Name: 'web', Status: 'Active', Age: '5m' },
  },
  {
    name: 'node',
    kind: '/Node',
    object: {
      metadata: { ...metadata, labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/role': 'edge' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: { kubeletVersion: 'v1.36.0' },
      },
    },
    cells: {
      Name: 'web',
      Status: 'Ready,SchedulingDisabled',
      Roles: 'control-plane,edge',
      Age: '5m',
      Version: 'v1.36.0',
      'Internal-IP': '10.0.0.1',
      'External-IP': '<none>',
      'OS-Image': '<unknown>',
      'Kernel-Version': '<unknown>',
      'Container-Runtime': '<unknown>',
    },
  },
  {
    name: 'node nobody heard of',
    kind: '/Node',
    object: { spec: {}, status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
    cells: { Status: 'NotReady', Roles: '<none>' },
  },
  {
    name: 'config map',
    kind: '/ConfigMap',
    object: { data: { a: '1', b: '2' }, binaryData: { c: '' } },
    cells: { Name: 'web', Data: 3, Age: '5m' },
  },
  {
    name: 'secret',
    kind: '/Secret',
    object: { type: 'Opaque', data: { a: '' } },
    cells: { Name: 'web', Type: 'Opaque', Data: 1, Age: '5m' },
  },
  { name: 'service account', kind: '/ServiceAccount', object: {}, cells: { Name: 'web', Secrets: 0, Age: '5m' } },
  {
    name: 'lease',
    kind: 'coordination.k8s.io/Lease',
    object: { spec: { holderIdentity: 'n1' } },
    cells: { Name: 'web', Holder: 'n1', Age: '5m' },
  },
  {
    name: 'endpoint slice',
    kind: 'discovery.k8s.io/EndpointSlice',
    object: {
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 80 }, { name: 'any' }],
      endpoints: [{ addresses: ['a', 'b'] }, { addresses: ['c', 'd', 'e'] }],
    },
    cells: { Name: 'web', AddressType: 'IPv4', Ports: '80,any', Endpoints: 'a,b,c + 2 more...', Age: '5m' },
  },
  {
    name: 'empty endpoint slice',
    kind: 'discovery.k8s.io/EndpointSlice',
    object: { addressType: 'IPv4', ports: null, endpoints: null },
    cells: { Ports: '<unset>', Endpoints: '<unset>' },
  },
  {
    name: 'endpoints',
    kind: '/Endpoints',
    object: {
      subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }] }, { addresses: [{ ip: '10.0.0.3' }] }],
    },
    cells: { Endpoints: '10.0.0.1:80,[fd00::1]:80,10.0.0.3' },
  },
  { name: 'endpoints without subsets', kind: '/Endpoints', object: {}, cells: { Endpoints: '<none>' } },
  {
    name: 'event',
    kind: '/Event',
    object: {
      involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'spec' },
      type: 'Normal',
      reason: 'Started',
      message: ' Container started\n',
      source: { component: 'kubelet', host: 'n1' },
      firstTimestamp: '2026-01-01T23:50:00Z',
      lastTimestamp: '2026-01-01T23:59:30Z',
      count: 4,
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    },
    cells: {
      'Last Seen': '30s',
      Type: 'Normal',
      Reason: 'Started',
      Object: 'pod/p',
      Subobject: 'spec',
      Source: 'kubelet, n1',
      Message: 'Container started',
      'First Seen': '10m',
      Count: 4,
      Name: 'web',
    },
  },
  {
    name: 'single event of the new form',
    kind: 'events.k8s.io/Event',
    object: {
      regarding: { kind: 'Pod', name: 'p' },
      reason: 'Scheduled',
      note: 'n',
      eventTime: '2026-01-01T23:59:00.000000Z',
      deprecatedFirstTimestamp: null,
      deprecatedLastTimestamp: null,
      reportingController: 'scheduler',
    },
    cells: { 'Last Seen': '60s', 'First Seen': '60s', Count: 1, Source: 'scheduler', Object: 'pod/p' },
  },
  {
    name: 'volume',
    kind: '/PersistentVolume',
    object: {
      spec: {
        capacity: { storage: '5Gi' },
        accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace: 'a', name: 'c' },
        storageClassName: 'fast',
      },
      status: { phase: 'Bound' },
    },
    cells: {
      Name: 'web',
      Capacity: '5Gi',
      'Access Modes': 'RWO,RWX',
      'Reclaim Policy': 'Retain',
      Status: 'Bound',
      Claim: 'a/c',
      StorageClass: 'fast',
      VolumeAttributesClass: '<unset>',
      Reason: '',
      Age: '5m',
      VolumeMode: '<unset>',
    },
  },
  {
    name: 'claim that waits',
    kind: '/PersistentVolumeClaim',
    object: { spec: { storageClassName: 'fast', resources: {} }, status: { phase: 'Pending' } },
    cells: { Status: 'Pending', Volume: '', Capacity: '', 'Access Modes': '', StorageClass: 'fast' },
  },
  {
    name: 'default storage class',
    kind: 'storage.k8s.io/StorageClass',
    object: { metadata: { ...metadata, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'p' },
    cells: {
      Name: 'web (default)',
      Provisioner: 'p',
      ReclaimPolicy: 'Delete',
      VolumeBindingMode: 'Immediate',
      AllowVolumeExpansion: false,
      Age: '5m',
    },
  },
  {
    name: 'autoscaler',
    kind: 'autoscaling/HorizontalPodAutoscaler',
    version: 'v2',
    object: {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'd' },
        maxReplicas: 5,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          { type: 'External', external: { target: { type: 'AverageValue', averageValue: '3' } } },
          { type: 'Pods', pods: { target: { averageValue: '10' } } },
        ],
      },
      status: { currentReplicas: 2, currentMetrics: [{ type: 'Resource', resource: { current: { averageUtilization: 40 } } }] },
    },
    cells: {
      Reference: 'Deployment/d',
      Targets: 'cpu: 40%/80%, <unknown>/3 (avg) + 1 more...',
      MinPods: '<unset>',
      MaxPods: 5,
      Replicas: 2,
    },
  },
  {
    name: 'role binding',
    kind: 'rbac.authorization.k8s.io/RoleBinding',
    object: {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'User', name: 'u' },
        { kind: 'ServiceAccount', namespace: 'n', name: 's' },
        { kind: 'User', name: 'v' },
      ],
    },
    cells: { Name: 'web', Role: 'Role/r', Age: '5m', Users: 'u, v', Groups: '', ServiceAccounts: 'n/s' },
  },
  {
    name: 'issued certificate',
    kind: 'certificates.k8s.io/CertificateSigningRequest',
    object: {
      spec: { signerName: 's', username: 'u', expirationSeconds: 3600 },
      status: { conditions: [{ type: 'Approved' }], certificate: 'eA==' },
    },
    cells: { SignerName: 's', Requestor: 'u', RequestedDuration: '60m', Condition: 'Approved,Issued' },
  },
  {
    name: 'budget',
    kind: 'policy/PodDisruptionBudget',
    object: { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } },
    cells: { 'Min Available': '50%', 'Max Unavailable': 'N/A', 'Allowed Disruptions': 1 },
  },
  {
    name: 'priority level',
    kind: 'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
    object: {
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 0,
          limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } },
        },
      },
    },
    cells: { Type: 'Limited', NominalConcurrencyShares: 0, Queues: 64, HandSize: 6, QueueLengthLimit: 50 },
  },
  {
    name: 'exempt priority level',
    kind: 'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
    object: { spec: { type: 'Exempt' } },
    cells: { NominalConcurrencyShares: '<none>', Queues: '<none>' },
  },
  {
    name: 'group version of another server',
    kind: 'apiregistration.k8s.io/APIService',
    object: {
      spec: { service: { namespace: 'n', name: 's' } },
      status: { conditions: [{ type: 'Available', status: 'False', reason: 'MissingEndpoints' }] },
    },
    cells: { Service: 'n/s', Available: 'False (MissingEndpoints)' },
  },
  {
    name: 'address',
    kind: 'networking.k8s.io/IPAddress',
    object: { spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'kubernetes' } } },
    cells: { Name: 'web', ParentRef: 'services/default/kubernetes' },
  },
  {
    name: 'claim to devices',
    kind: 'resource.k8s.io/ResourceClaim',
    object: { spec: {}, status: { allocation: {}, reservedFor: [{}] } },
    cells: { State: 'allocated,reserved' },
  },
  {
    name: 'quota',
    kind: '/ResourceQuota',
    object: { status: { hard: { pods: '10', 'limits.cpu': '4', cpu: '2' }, used: { pods: '3' } } },
    cells: { Request: 'cpu: 0/2, pods: 3/10', Limit: 'limits.cpu: 0/4' },
  },
];

for (const { name, kind, version, object, cells } of cases) {
  test(`${name} is printed in upstream's columns`, () => {
    const [group = '', kindName = ''] = kind.split('/');
    const all = printed(group, kindName, object, version);
    assert.deepEqual(Object.fromEntries(Object.keys(cells).map((column) => [column, all[column]])), cells);
    if ('Name' in cells && 'Age' in cells) assert.deepEqual(Object.keys(all), Object.keys(cells));
  });
}
