// pure
// The configuration in use as `/configz` tells it: defaulted, in the names of upstream's internal type. Source: cmd/kube-scheduler
// app/server.go, apis/config/types.go, types_pluginargs.go, apis/config/v1 defaults.go.
import { formatDuration } from '#apimachinery/duration.ts';
import { DEFAULT_PREEMPTION_ARGS } from '../plugins/default-preemption.ts';
import { DEFAULT_DYNAMIC_RESOURCES_ARGS } from '../plugins/dynamic-resources/dynamic-resources.ts';
import { DEFAULT_AFFINITY_ARGS } from '../plugins/inter-pod-affinity.ts';
import { DEFAULT_FIT_ARGS } from '../plugins/node-resources.ts';
import { DEFAULT_VOLUME_BINDING_ARGS } from '../plugins/volume-binding/volume-binding.ts';
import { API_VERSION, DEFAULT_SCHEDULER_NAME } from './configuration.ts';
import { DEFAULT_PLUGINS } from './plugin-registry.ts';
import { EXTENSION_POINTS, mergePluginSet, type PluginRef } from './plugin-sets.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ConfigzDeps {
  /** Path of the kubeconfig, for it stands in no file of configuration. */
  readonly kubeconfig: string;
  /** As flags have it, in the names of LeaderElectionConfiguration (v1alpha1). */
  readonly leaderElection: Json;
}

/** By plugin. */
const DEFAULT_ARGS: Readonly<Record<string, Json>> = {
  DefaultPreemption: { ...DEFAULT_PREEMPTION_ARGS },
  DynamicResources: { filterTimeout: '10s', bindingTimeout: formatDuration(DEFAULT_DYNAMIC_RESOURCES_ARGS.bindingTimeoutMs) },
  InterPodAffinity: { ...DEFAULT_AFFINITY_ARGS },
  NodeAffinity: { addedAffinity: null },
  NodeResourcesBalancedAllocation: { resources: DEFAULT_FIT_ARGS.scoringStrategy.resources },
  NodeResourcesFit: {
    ignoredResources: null,
    ignoredResourceGroups: null,
    scoringStrategy: { ...DEFAULT_FIT_ARGS.scoringStrategy, requestedToCapacityRatio: null },
  },
  PodTopologySpread: { defaultConstraints: null, defaultingType: 'System' },
  VolumeBinding: { ...DEFAULT_VOLUME_BINDING_ARGS, shape: null },
};

/** `object`: a KubeSchedulerConfiguration (v1) that was read without fault; absent: all defaults. */
export function configz(object: unknown, { kubeconfig, leaderElection }: ConfigzDeps): Json {
  const given = (object ?? {}) as Json;
  const profiles = (given['profiles'] ?? []) as readonly Json[];
  const connection = { kubeconfig, acceptContentTypes: '', contentType: 'application/vnd.kubernetes.protobuf', qps: 50, burst: 100 };
  return internal({
    apiVersion: API_VERSION,
    parallelism: given['parallelism'] ?? 16,
    leaderElection,
    clientConnection: { ...connection, ...(given['clientConnection'] as Json | undefined), kubeconfig },
    enableProfiling: given['enableProfiling'] ?? true,
    enableContentionProfiling: given['enableContentionProfiling'] ?? true,
    percentageOfNodesToScore: given['percentageOfNodesToScore'] ?? 0,
    podInitialBackoffSeconds: given['podInitialBackoffSeconds'] ?? 1,
    podMaxBackoffSeconds: given['podMaxBackoffSeconds'] ?? 10,
    profiles: (profiles.length === 0 ? [{}] : profiles).map(profile),
    extenders: given['extenders'] ?? null,
    delayCacheUntilActive: given['delayCacheUntilActive'] ?? false,
  }) as Json;
}

interface GivenSet {
  readonly enabled?: readonly PluginRef[];
  readonly disabled?: readonly PluginRef[];
}

function profile(given: Json): Json {
  const sets = (given['plugins'] ?? {}) as Readonly<Record<string, GivenSet | undefined>>;
  const { enabled = [], disabled = [] } = sets['multiPoint'] ?? {};
  const everywhere = mergePluginSet(DEFAULT_PLUGINS, { enabled, disabled: disabled.map(({ name }) => name) });
  const points = EXTENSION_POINTS.map((point) => [point, pluginSet(sets[point]?.enabled, sets[point]?.disabled)] as const);
  return {
    schedulerName: given['schedulerName'] ?? DEFAULT_SCHEDULER_NAME,
    percentageOfNodesToScore: given['percentageOfNodesToScore'] ?? null,
    plugins: { ...Object.fromEntries(points), multiPoint: pluginSet(everywhere, disabled) },
    pluginConfig: pluginConfig(
      (given['pluginConfig'] ?? []) as readonly Json[],
      [everywhere, ...Object.values(sets).map((set) => set?.enabled ?? [])].flat(),
    ),
  };
}

function pluginSet(enabled: readonly PluginRef[] = [], disabled: readonly PluginRef[] = []): Json {
  const shown = (list: readonly PluginRef[]) => (list.length === 0 ? null : list.map(({ name, weight = 0 }) => ({ name, weight })));
  return { enabled: shown(enabled), disabled: shown(disabled) };
}

/** What is given first, then by name what other plugins have by default. */
function pluginConfig(given: readonly Json[], plugins: readonly PluginRef[]): readonly Json[] {
  const named = new Set(given.map(({ name }) => name));
  const used = new Set(plugins.map(({ name }) => name));
  const others = Object.keys(DEFAULT_ARGS).filter((name) => !named.has(name) && used.has(name));
  return [
    ...given.map(({ name, args }) => ({ name, args: argsOf(String(name), (args ?? {}) as Json) })),
    ...others.map((name) => ({ name, args: DEFAULT_ARGS[name] })),
  ];
}

function argsOf(name: string, { apiVersion: _, kind: __, ...given }: Json): Json {
  const defaults = DEFAULT_ARGS[name] ?? {};
  const strategy = given['scoringStrategy'] as Json | undefined;
  if (strategy === undefined) return { ...defaults, ...given };
  return { ...defaults, ...given, scoringStrategy: { ...(defaults['scoringStrategy'] as Json), ...strategy } };
}

/** Fields whose Go names are more than the same with a capital. */
const NAMES: Readonly<Record<string, string>> = {
  apiVersion: 'apiVersion',
  qps: 'QPS',
  urlPrefix: 'URLPrefix',
  tlsConfig: 'TLSConfig',
  httpTimeout: 'HTTPTimeout',
  caFile: 'CAFile',
  caData: 'CAData',
};
/** Of the API, so that they have its names below. */
const OF_THE_API = new Set(['addedAffinity', 'defaultConstraints']);
/** Never told. */
const SECRET = new Set(['keyData']);

function internal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(internal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      NAMES[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      SECRET.has(name) ? null : OF_THE_API.has(name) ? each : internal(each),
    ]),
  );
}
