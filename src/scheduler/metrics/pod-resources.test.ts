import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { exposePodResources } from './pod-resources.ts';

const pod = (name: string, spec: object, status: object = {}): Pod =>
  ({ metadata: { name, namespace: 'ns' }, spec: { schedulerName: 'default-scheduler', ...spec }, status }) as unknown as Pod;
const asking = (requests: object, limits: object): object => ({ containers: [{ name: 'c', resources: { requests, limits } }] });

test('exposePodResources has requests and limits of pods that are not over, with their units', () => {
  const web = pod('web', {
    ...asking({ cpu: '100m', memory: '1Gi', 'example.test/gpu': '2', 'hugepages-2Mi': '4Mi' }, { memory: '2Gi', cpu: '0' }),
    nodeName: 'n',
    priority: 7,
  });
  const done = pod('done', { ...asking({ cpu: '1' }, {}), nodeName: 'n' }, { phase: 'Succeeded' });
  const waiting = pod('waiting', asking({ cpu: '3' }, {}), { phase: 'Failed' }); // on no node
  const lines = exposePodResources([web, done, waiting]).split('\n');
  const of = (name: string, labels: string): string => `namespace="ns",node="${name === 'web' ? 'n' : ''}",pod="${name}",${labels}`;
  assert.deepEqual(
    lines.filter((line) => line.startsWith('kube_')),
    [
      `kube_pod_resource_limit{${of('web', 'priority="7",resource="memory",scheduler="default-scheduler",unit="bytes"')}} 2147483648`,
      `kube_pod_resource_request{${of('web', 'priority="7",resource="cpu",scheduler="default-scheduler",unit="cores"')}} 0.1`,
      `kube_pod_resource_request{${of('web', 'priority="7",resource="memory",scheduler="default-scheduler",unit="bytes"')}} 1073741824`,
      `kube_pod_resource_request{${of('web', 'priority="7",resource="example.test/gpu",scheduler="default-scheduler",unit=""')}} 2`,
      `kube_pod_resource_request{${of('web', 'priority="7",resource="hugepages-2Mi",scheduler="default-scheduler",unit="bytes"')}} 4194304`,
      `kube_pod_resource_request{${of('waiting', 'priority="",resource="cpu",scheduler="default-scheduler",unit="cores"')}} 3`,
    ],
  );
  assert.ok(lines.includes('# TYPE kube_pod_resource_request gauge'));
});
