// pure
// `/metrics/resource`: what the metrics server reads. Source: pkg/kubelet/metrics/collectors/resource_metrics.go.
import { parseTime } from '#apimachinery/time.ts';
import type { CpuStats, MemoryStats, Summary } from '../../stats/summary.ts';
import type { Family, Sample } from './exposition.ts';

type Labels = Readonly<Record<string, string>>;

const NANOSECONDS = 1e9;

export function resourceMetrics({ node, pods }: Summary): readonly Family[] {
  const podSamples = pods.map(({ podRef: { name, namespace }, cpu, memory }) => ({ labels: { namespace, pod: name }, cpu, memory }));
  const containers = pods.flatMap(({ podRef: { name, namespace }, containers: of }) =>
    of.map((each) => ({ ...each, labels: { container: each.name, namespace, pod: name } })),
  );
  return [
    {
      name: 'container_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      type: 'counter',
      samples: containers.flatMap(({ labels, cpu }) => cpuSeconds(labels, cpu)),
    },
    {
      name: 'container_memory_working_set_bytes',
      help: '[STABLE] Current working set of the container in bytes',
      type: 'gauge',
      samples: containers.flatMap(({ labels, memory }) => workingSet(labels, memory)),
    },
    {
      name: 'container_start_time_seconds',
      help: '[STABLE] Start time of the container since unix epoch in seconds',
      type: 'gauge',
      samples: containers.map(({ labels, startTime }) => ({ labels, value: parseTime(startTime) / 1000 })),
    },
    {
      name: 'node_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
      type: 'counter',
      samples: cpuSeconds({}, node.cpu),
    },
    {
      name: 'node_memory_working_set_bytes',
      help: '[STABLE] Current working set of the node in bytes',
      type: 'gauge',
      samples: workingSet({}, node.memory),
    },
    {
      name: 'node_swap_usage_bytes',
      help: '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
      type: 'gauge',
      samples: node.swap === undefined ? [] : [{ labels: {}, value: node.swap.swapUsageBytes, at: parseTime(node.swap.time) }],
    },
    {
      name: 'pod_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      type: 'counter',
      samples: podSamples.flatMap(({ labels, cpu }) => cpuSeconds(labels, cpu)),
    },
    {
      name: 'pod_memory_working_set_bytes',
      help: '[STABLE] Current working set of the pod in bytes',
      type: 'gauge',
      samples: podSamples.flatMap(({ labels, memory }) => workingSet(labels, memory)),
    },
    {
      name: 'resource_scrape_error',
      help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
      type: 'gauge',
      samples: [{ labels: {}, value: 0 }],
    },
  ];
}

function cpuSeconds(labels: Labels, cpu: CpuStats | undefined): readonly Sample[] {
  if (cpu?.usageCoreNanoSeconds === undefined) return [];
  return [{ labels, value: cpu.usageCoreNanoSeconds / NANOSECONDS, at: parseTime(cpu.time) }];
}

function workingSet(labels: Labels, memory: MemoryStats | undefined): readonly Sample[] {
  if (memory?.workingSetBytes === undefined) return [];
  return [{ labels, value: memory.workingSetBytes, at: parseTime(memory.time) }];
}
