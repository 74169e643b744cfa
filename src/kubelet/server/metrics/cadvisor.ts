// pure
// `/metrics/cadvisor`: containers by the names that dashboards ask for. Source: cadvisor metrics/prometheus.go,
// pkg/kubelet/server containerPrometheusLabelsFunc. Figures are those of the runtime.
import { parseTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import type { ContainerSummary, FsStats, InterfaceStats, PodSummary, Summary } from '../../stats/summary.ts';
import type { Family, Sample } from './exposition.ts';

type Labels = Readonly<Record<string, string>>;

interface Described {
  readonly labels: Labels;
  readonly stats: ContainerSummary;
}

interface Kind<T> {
  readonly name: string;
  readonly help: string;
  readonly type: Family['type'];
  readonly of: (stats: T) => { readonly value: number | undefined; readonly time?: string | undefined };
  readonly labels?: Labels;
}

const CONTAINER: readonly Kind<ContainerSummary>[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'Cumulative cpu time consumed in seconds.',
    type: 'counter',
    labels: { cpu: 'total' },
    of: ({ cpu }) => ({ value: cpu?.usageCoreNanoSeconds === undefined ? undefined : cpu.usageCoreNanoSeconds / 1e9, time: cpu?.time }),
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Current working set in bytes.',
    type: 'gauge',
    of: ({ memory }) => ({ value: memory?.workingSetBytes, time: memory?.time }),
  },
  {
    name: 'container_memory_usage_bytes',
    help: 'Current memory usage in bytes, including all memory regardless of when it was accessed',
    type: 'gauge',
    of: ({ memory }) => ({ value: memory?.usageBytes, time: memory?.time }),
  },
  {
    name: 'container_memory_rss',
    help: 'Size of RSS in bytes.',
    type: 'gauge',
    of: ({ memory }) => ({ value: memory?.rssBytes, time: memory?.time }),
  },
  {
    name: 'container_fs_usage_bytes',
    help: 'Number of bytes that are consumed by the container on this filesystem.',
    type: 'gauge',
    of: ({ rootfs }) => bytes(rootfs),
  },
  {
    name: 'container_start_time_seconds',
    help: 'Start time of the container since unix epoch in seconds.',
    type: 'gauge',
    of: ({ startTime }) => ({ value: parseTime(startTime) / 1000 }),
  },
];

const bytes = (fs: FsStats | undefined): { readonly value: number | undefined; readonly time: string | undefined } => ({
  value: fs?.usedBytes,
  time: fs?.time,
});

const NETWORK: readonly (readonly [string, string, keyof Omit<InterfaceStats, 'name'>])[] = [
  ['container_network_receive_bytes_total', 'Cumulative count of bytes received', 'rxBytes'],
  ['container_network_receive_errors_total', 'Cumulative count of errors encountered while receiving', 'rxErrors'],
  ['container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', 'txBytes'],
  ['container_network_transmit_errors_total', 'Cumulative count of errors encountered while transmitting', 'txErrors'],
];

export interface MachineSize {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

export function cadvisorMetrics({ pods }: Summary, specs: readonly Pod[], machine: MachineSize): readonly Family[] {
  const byUid = new Map(specs.map((pod) => [pod.metadata.uid, pod]));
  const containers = pods.flatMap((pod) =>
    pod.containers.map((stats) => ({ labels: labelsOf(pod, stats.name, byUid.get(pod.podRef.uid)), stats })),
  );
  return [
    ...CONTAINER.map((kind) => family(kind, containers)),
    ...NETWORK.map(([name, help, field]): Family => ({
      name,
      help: `${help}`,
      type: 'counter',
      samples: pods.flatMap((pod) => networkSamples(pod, field)),
    })),
    { name: 'machine_cpu_cores', help: 'Number of logical CPU cores.', type: 'gauge', samples: [{ labels: {}, value: machine.cpus }] },
    {
      name: 'machine_memory_bytes',
      help: 'Amount of memory installed on the machine.',
      type: 'gauge',
      samples: [{ labels: {}, value: machine.memory }],
    },
  ];
}

function family({ name, help, type, of, labels: own = {} }: Kind<ContainerSummary>, containers: readonly Described[]): Family {
  const samples = containers.flatMap(({ labels, stats }): readonly Sample[] => {
    const { value, time } = of(stats);
    if (value === undefined) return [];
    return [{ labels: { ...labels, ...own }, value, ...(time === undefined ? {} : { at: parseTime(time) }) }];
  });
  return { name, help, type, samples };
}

/** Source: containerPrometheusLabelsFunc. */
function labelsOf({ podRef: { name, namespace } }: PodSummary, container: string, spec: Pod | undefined): Labels {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = spec?.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find((each) => each.name === container);
  const id = status?.containerID?.split('://')[1] ?? '';
  return { container, id: id === '' ? '' : `/${id}`, image: status?.image ?? '', name: id, namespace, pod: name };
}

function networkSamples(
  { podRef: { name, namespace }, network }: PodSummary,
  field: keyof Omit<InterfaceStats, 'name'>,
): readonly Sample[] {
  return (network?.interfaces ?? []).flatMap((face) => {
    const value = face[field];
    if (value === undefined || network === undefined) return [];
    return [
      {
        labels: { container: '', id: '', image: '', interface: face.name, name: '', namespace, pod: name },
        value,
        at: parseTime(network.time),
      },
    ];
  });
}
