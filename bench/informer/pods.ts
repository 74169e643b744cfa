// The pods of the informer benchmark.

export const NODES = 100;
const NAMESPACES = 20;

/** About 3.4 KB of JSON, as a running pod of a Deployment has. */
export function podText(i: number, version: number): string {
  const owner = `app-${i % 500}`;
  const probe = {
    httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' },
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  };
  return JSON.stringify({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `${owner}-5d9c7b6f4-${i}`,
      generateName: `${owner}-5d9c7b6f4-`,
      namespace: `team-${i % NAMESPACES}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      resourceVersion: String(version),
      creationTimestamp: '2026-01-02T03:04:05Z',
      labels: { app: owner, 'pod-template-hash': '5d9c7b6f4' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: owner,
          uid: `e4f6d1e2-0000-4000-8000-${i % 500}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      nodeName: `node-${i % NODES}`,
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      containers: ['web', 'proxy'].map((name) => ({
        name,
        image: `registry.example.com/team/${name}:1.27.${i % 10}`,
        ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
        env: [
          { name: 'LEVEL', value: 'info' },
          { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
        ],
        resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
        volumeMounts: [{ name: 'token', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
        livenessProbe: probe,
        readinessProbe: probe,
        imagePullPolicy: 'IfNotPresent',
      })),
      volumes: [
        { name: 'token', projected: { sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }], defaultMode: 420 } },
      ],
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    },
    status: {
      phase: 'Running',
      podIP: `10.244.${i % 250}.${i % 200}`,
      startTime: '2026-01-02T03:04:05Z',
      conditions: ['Ready', 'Initialized', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-02T03:04:07Z',
      })),
      containerStatuses: ['web', 'proxy'].map((name) => ({
        name,
        ready: true,
        started: true,
        restartCount: 0,
        image: name,
        imageID: `sha256:${name}`,
        state: { running: { startedAt: '2026-01-02T03:04:06Z' } },
      })),
    },
  });
}
