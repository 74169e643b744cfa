// pure
// Flags that set how controllers work, under upstream's names. Source: cmd/kube-controller-manager app/options.
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { DEFAULT_TUNING, type Tuning } from '#controllers/runtime/tuning.ts';
import { CommandError } from '../commands/command-error.ts';

const TIMES = {
  'node-monitor-grace-period': ['50s', 'silence after which a node is unknown'],
  'node-startup-grace-period': ['1m0s', 'the same before its kubelet has said anything'],
  'horizontal-pod-autoscaler-sync-period': ['15s', 'between looks at an autoscaler'],
  'horizontal-pod-autoscaler-downscale-stabilization': ['5m0s', 'for so long the highest of what was wanted counts'],
  'horizontal-pod-autoscaler-cpu-initialization-period': ['5m0s', 'after its start a pod uses CPU without saying anything by it'],
  'horizontal-pod-autoscaler-initial-readiness-delay': ['30s', 'a pod that is unready so soon after its start was never ready'],
  'resource-quota-sync-period': ['5m0s', 'between counts of a quota'],
  'cluster-signing-duration': ['8760h0m0s', 'longest life of certificates that are signed'],
} as const;

const NUMBERS = {
  'node-eviction-rate': ['0.1', 'nodes a second whose pods are driven off, in a zone that is well'],
  'secondary-node-eviction-rate': ['0.01', 'the same in a zone in trouble'],
  'large-cluster-size-threshold': ['50', 'zones of at most so many nodes lose none while in trouble'],
  'unhealthy-zone-threshold': ['0.55', "share of a zone's nodes that is trouble"],
  'terminated-pod-gc-threshold': ['12500', 'pods that have ended and are kept; 0: all'],
  'horizontal-pod-autoscaler-tolerance': ['0.1', 'how far use may be from what is wanted'],
  'max-endpoints-per-slice': ['100', 'endpoints of an EndpointSlice, from 1 to 1000'],
} as const;

/** Controllers by the flag that says how many keys they reconcile at a time. */
const WORKERS = {
  'concurrent-daemonset-syncs': 'daemonset-controller',
  'concurrent-deployment-syncs': 'deployment-controller',
  'concurrent-statefulset-syncs': 'statefulset-controller',
  'concurrent-replicaset-syncs': 'replicaset-controller',
  'concurrent-rc-syncs': 'replicationcontroller-controller',
  'concurrent-job-syncs': 'job-controller',
  'concurrent-cron-job-syncs': 'cronjob-controller',
  'concurrent-endpoint-syncs': 'endpoints-controller',
  'concurrent-service-endpoint-syncs': 'endpointslice-controller',
  'mirroring-concurrent-service-endpoint-syncs': 'endpointslice-mirroring-controller',
  'concurrent-ephemeralvolume-syncs': 'ephemeral-volume-controller',
  'concurrent-gc-syncs': 'garbage-collector-controller',
  'concurrent-horizontal-pod-autoscaler-syncs': 'horizontal-pod-autoscaler-controller',
  'concurrent-namespace-syncs': 'namespace-controller',
  'concurrent-resource-quota-syncs': 'resourcequota-controller',
  'concurrent-serviceaccount-token-syncs': 'serviceaccount-token-controller',
  'concurrent-ttl-after-finished-syncs': 'ttl-after-finished-controller',
  'concurrent-validating-admission-policy-status-syncs': 'validatingadmissionpolicy-status-controller',
} as const;

const entriesOf = <K extends string, V>(table: Readonly<Record<K, V>>): readonly (readonly [K, V])[] =>
  Object.entries(table) as unknown as readonly (readonly [K, V])[];

export const TUNING_FLAGS = [
  ...entriesOf(TIMES).map(([name, [fallback, description]]) => ({ name, argument: 'TIME', description, fallback })),
  ...entriesOf(NUMBERS).map(([name, [fallback, description]]) => ({ name, argument: 'N', description, fallback })),
  ...entriesOf(WORKERS).map(([name, controller]) => ({ name, argument: 'N', description: `what ${controller} looks at at a time` })),
];

interface Given {
  text(name: string): string;
  optional(name: string): string | undefined;
}

/** @throws CommandError */
export function tuningOf(flags: Given): Tuning {
  const time = (name: keyof typeof TIMES): number => timeOf(name, flags.text(name));
  const number = (name: keyof typeof NUMBERS): number => numberOf(name, flags.text(name));
  const endpointsPerSlice = number('max-endpoints-per-slice');
  // Source: EndpointSliceControllerOptions Validate.
  if (endpointsPerSlice < 1) throw new CommandError('max-endpoints-per-slice cannot be less than 1');
  if (endpointsPerSlice > 1000) throw new CommandError('max-endpoints-per-slice cannot be more than 1000');
  const terminatedPods = number('terminated-pod-gc-threshold');
  return {
    ...DEFAULT_TUNING,
    nodes: {
      monitorGraceMs: time('node-monitor-grace-period'),
      startupGraceMs: time('node-startup-grace-period'),
      evictionRate: number('node-eviction-rate'),
      secondaryEvictionRate: number('secondary-node-eviction-rate'),
      largeZone: number('large-cluster-size-threshold'),
      unhealthyShare: number('unhealthy-zone-threshold'),
    },
    autoscaling: {
      syncMs: time('horizontal-pod-autoscaler-sync-period'),
      downscaleStabilizationMs: time('horizontal-pod-autoscaler-downscale-stabilization'),
      tolerance: number('horizontal-pod-autoscaler-tolerance'),
      cpuInitializationMs: time('horizontal-pod-autoscaler-cpu-initialization-period'),
      initialReadinessMs: time('horizontal-pod-autoscaler-initial-readiness-delay'),
    },
    terminatedPods: terminatedPods === 0 ? Infinity : terminatedPods,
    quotaSyncMs: time('resource-quota-sync-period'),
    endpointsPerSlice,
    signingMs: time('cluster-signing-duration'),
    workers: workersOf(flags),
  };
}

function workersOf(flags: Given): Tuning['workers'] {
  const given = entriesOf(WORKERS).flatMap(([name, controller]) => {
    const text = flags.optional(name);
    if (text === undefined) return [];
    const count = numberOf(name, text);
    // Source: each controller's Options Validate.
    if (!Number.isInteger(count) || count < 1) throw new CommandError(`${name} must be greater than 0, but got ${text}`);
    return [[controller, count] as const];
  });
  return Object.fromEntries(given);
}

function timeOf(name: string, text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms >= 0) return ms;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  throw new CommandError(`--${name} ${text} is no time such as 15s`);
}

function numberOf(name: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new CommandError(`--${name} ${text} is no number`);
  return Number(text);
}
