// Pods for tests, as the API server would hand them out.
import type { Container, Pod, PodSpec, PodStatus } from '#api/types.ts';

export interface PodFixture {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly spec?: Partial<PodSpec>;
  readonly status?: Partial<PodStatus>;
}

export function container(name: string, more: Partial<Container> = {}): Container {
  return {
    name,
    image: 'example.test/programs:1',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    ...more,
  };
}

export function pod({ spec = {}, status = {}, name = 'web', namespace = 'default', uid = `uid-${name}`, ...meta }: PodFixture = {}): Pod {
  const { labels, annotations, generation, deletionTimestamp, deletionGracePeriodSeconds } = meta;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: '1',
      creationTimestamp: meta.creationTimestamp ?? '2026-01-01T00:00:00Z',
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    },
    spec: {
      containers: [container('app')],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      nodeName: 'node',
      ...spec,
    },
    status: { phase: 'Pending', qosClass: 'BestEffort', ...status },
  };
}
