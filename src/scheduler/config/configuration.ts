// Reads a KubeSchedulerConfiguration: checked, defaulted, ready to make profiles of. Source: apis/config/v1 defaults.go,
// apis/config/validation validation.go.
import { Reader } from '#apimachinery/configuration-reader.ts';
import { duplicate, invalid, notSupported, required } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { isEqual } from '../framework/cluster-event.ts';
import { type Profile, type WeightedPlugin, profileFrom } from '../framework/profile.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { ExtenderConfig } from '../extenders/http-extender.ts';
import { readExtenders } from './extender-config.ts';
import { Faults } from './faults.ts';
import { checkLeaderElection } from './leader-election-config.ts';
import { DEFAULT_PLUGINS, type PluginDeps, REGISTRY } from './plugin-registry.ts';
import { EXTENSION_POINTS, type ExtensionPoint, expandPoint, mergePluginSet, type PluginRef, type PluginSet } from './plugin-sets.ts';

export interface SchedulerConfiguration {
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  readonly extenders: readonly ExtenderConfig[];
  /** Makes the plugins: once for each scheduler. */
  readonly profiles: (deps: Omit<PluginDeps, 'ignoredResources'>) => readonly Profile[];
}

/** Every fault of a configuration, one a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export const API_VERSION = 'kubescheduler.config.k8s.io/v1';
export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

const TOP_FIELDS = [
  'apiVersion',
  'kind',
  'parallelism',
  'leaderElection',
  'clientConnection',
  'enableProfiling',
  'enableContentionProfiling',
  'percentageOfNodesToScore',
  'podInitialBackoffSeconds',
  'podMaxBackoffSeconds',
  'profiles',
  'extenders',
  'delayCacheUntilActive',
];

/**
 * `object`: decoded JSON or YAML; absent: all defaults. `parallelism` and `percentageOfNodesToScore` are checked and have
 * no effect: every node is looked at by one thread. Leader election and the connection are the composition root's.
 * @throws ConfigurationError
 */
export function readConfiguration(object: unknown): SchedulerConfiguration {
  const faults = new Faults();
  const root = new Reader(object, faults).object(...TOP_FIELDS);
  expectText(root.field('apiVersion'), API_VERSION);
  expectText(root.field('kind'), 'KubeSchedulerConfiguration');
  checkConnection(root.field('clientConnection'));
  checkLeaderElection(root.field('leaderElection'));
  root.field('parallelism').within(16, [1, Infinity], 'should be an integer value greater than zero');
  const profiles = readProfiles(root.field('profiles'), faults);
  checkPercentage(root.field('percentageOfNodesToScore'));
  const podInitialBackoffSeconds = root.field('podInitialBackoffSeconds').within(1, [1, Infinity], 'must be greater than 0');
  const podMaxBackoffSeconds = root
    .field('podMaxBackoffSeconds')
    .within(10, [podInitialBackoffSeconds, Infinity], 'must be greater than or equal to PodInitialBackoffSeconds');
  const { extenders, ignoredResources } = readExtenders(root.field('extenders'));
  const { text } = faults;
  if (text !== undefined) throw new ConfigurationError(text);
  return {
    podInitialBackoffSeconds,
    podMaxBackoffSeconds,
    extenders,
    profiles: (deps) => profiles.map((make) => make({ ...deps, ignoredResources })),
  };
}

function expectText(field: Reader, wanted: string): void {
  if (field.text(wanted) !== wanted) field.fault(notSupported(field.at, field.value, [wanted]));
}

function checkPercentage(field: Reader): void {
  field.within(0, [0, 100], 'not in valid range [0-100]');
}

function checkConnection(connection: Reader): void {
  connection.object('kubeconfig', 'acceptContentTypes', 'contentType', 'qps', 'burst');
  connection.field('burst').within(0, [0, Infinity], 'must be non-negative');
}

/** Source: invalidPluginsByVersion, whose version is that of the core group. */
const REMOVED: ReadonlySet<string> = new Set(['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits']);
const WAS_REMOVED = `was invalid in version "v1" (KubeSchedulerConfiguration is version "${API_VERSION}")`;

type MakeProfile = (deps: PluginDeps) => Profile;

function readProfiles(list: Reader, faults: Faults): readonly MakeProfile[] {
  if (list.isAbsent || (Array.isArray(list.value) && list.value.length === 0)) {
    return [readProfile(new Reader({}, faults, Path.of('profiles').index(0)), DEFAULT_SCHEDULER_NAME)];
  }
  const seen = new Map<string, Path | string>();
  const isOnly = Array.isArray(list.value) && list.value.length === 1;
  const makers = list.list((item) => {
    const name = item.field('schedulerName');
    const schedulerName = name.text(isOnly ? DEFAULT_SCHEDULER_NAME : '');
    if (schedulerName === '') item.fault(required(name.at, ''));
    const make = readProfile(item, schedulerName);
    const before = seen.get(schedulerName);
    if (before !== undefined) item.fault(duplicate(name.at, `${before.toString()}.schedulerName`));
    seen.set(schedulerName, item.at);
    return make;
  });
  checkQueueSort(list);
  return makers;
}

/** All profiles have one queue. Source: validateCommonQueueSort. */
function checkQueueSort(list: Reader): void {
  let first: unknown;
  list.list((item) => {
    const set = item.field('plugins').field('queueSort');
    const { value = {} } = set;
    if (first === undefined) {
      first = value;
      const enabled = set.field('enabled').value;
      const length = Array.isArray(enabled) ? enabled.length : 0;
      if (length > 1) set.fault(invalid(`${set.at.toString()}.Enabled`, length, 'only one queue sort plugin can be enabled'));
    } else if (!isEqual(first, value)) set.fault(invalid(set.at, value, 'must be the same for all profiles'));
  });
}

function readProfile(item: Reader, schedulerName: string): MakeProfile {
  item.object('schedulerName', 'percentageOfNodesToScore', 'plugins', 'pluginConfig');
  checkPercentage(item.field('percentageOfNodesToScore'));
  const sets = readPluginSets(item.field('plugins'));
  const makers = readPluginConfig(item.field('pluginConfig'));
  const multiPoint = mergePluginSet(DEFAULT_PLUGINS, sets.multiPoint);
  const weights = new Map(multiPoint.map(({ name, weight }) => [name, weight]));

  return (deps) => {
    const made = new Map<string, Plugin>();
    const plugin = (name: string): Plugin => {
      const known = made.get(name) ?? (makers.get(name) as (deps: PluginDeps) => Plugin)(deps);
      made.set(name, known);
      return known;
    };
    const at = (point: ExtensionPoint): readonly WeightedPlugin[] =>
      expandPoint(multiPoint, sets[point], (name) => extendsPoint(plugin(name), point)).map(({ name, weight = 0 }) => ({
        plugin: plugin(name),
        weight: weight === 0 ? (weights.get(name) ?? 1) : weight,
      }));
    const points = Object.fromEntries(EXTENSION_POINTS.map((point) => [point, at(point)])) as Record<
      ExtensionPoint,
      readonly WeightedPlugin[]
    >;
    return profileFrom(schedulerName, points);
  };
}

/** Filtering and scoring plugins prepare what they need themselves, so `preFilter` goes with `filter`. */
function extendsPoint(plugin: Plugin, point: ExtensionPoint): boolean {
  if (point === 'filter') return plugin.preFilter !== undefined;
  if (point === 'score') return plugin.preScore !== undefined;
  return plugin[point] !== undefined;
}

const NOTHING: PluginSet = { enabled: [], disabled: [] };

function readPluginSets(plugins: Reader): Readonly<Record<ExtensionPoint | 'multiPoint', PluginSet>> {
  const points = [...EXTENSION_POINTS, 'multiPoint'] as const;
  plugins.object(...points);
  const entries = points.map((point) => {
    const set = plugins.field(point);
    return [point, set.isAbsent ? NOTHING : { enabled: readEnabled(set.object('enabled', 'disabled')), disabled: readDisabled(set) }];
  });
  return Object.fromEntries(entries) as Record<ExtensionPoint | 'multiPoint', PluginSet>;
}

function readEnabled(set: Reader): readonly PluginRef[] {
  const names = new Set<string>();
  return set.field('enabled').list((item) => {
    item.object('name', 'weight');
    const field = item.field('name');
    const name = field.text('');
    if (REMOVED.has(name)) item.fault(invalid(item.at, name, WAS_REMOVED));
    else if (!REGISTRY.has(name)) item.fault(invalid(field.at, name, 'plugin does not exist'));
    if (names.has(name)) item.fault(duplicate(field.at, name));
    names.add(name);
    return { name, weight: item.field('weight').within(0, [0, Infinity], 'must not be negative') };
  });
}

function readDisabled(set: Reader): readonly string[] {
  return set.field('disabled').list((item) => item.object('name', 'weight').field('name').text(''));
}

function readPluginConfig(list: Reader): ReadonlyMap<string, (deps: PluginDeps) => Plugin> {
  const makers = new Map<string, (deps: PluginDeps) => Plugin>();
  list.list((item) => {
    item.object('name', 'args');
    const field = item.field('name');
    const name = field.text('');
    if (makers.has(name)) item.fault(duplicate(item.at, name));
    const register = REGISTRY.get(name);
    if (REMOVED.has(name)) item.fault(invalid(item.at, name, WAS_REMOVED));
    else if (register === undefined) item.fault(invalid(field.at, name, 'plugin does not exist'));
    else makers.set(name, register(item.field('args')));
  });
  for (const [name, register] of REGISTRY) if (!makers.has(name)) makers.set(name, register(new Reader(undefined, new Faults())));
  return makers;
}
