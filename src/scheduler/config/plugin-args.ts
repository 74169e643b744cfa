// Arguments of plugins as a KubeSchedulerConfiguration has them, checked and defaulted. Source: apis/config/v1 defaults.go,
// apis/config/validation validation_pluginargs.go.
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '#apimachinery/field-errors.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { DEFAULT_PREEMPTION_ARGS, type PreemptionArgs } from '../plugins/default-preemption.ts';
import { DEFAULT_AFFINITY_ARGS, type InterPodAffinityArgs } from '../plugins/inter-pod-affinity.ts';
import { DEFAULT_DYNAMIC_RESOURCES_ARGS, type DynamicResourcesArgs } from '../plugins/dynamic-resources/dynamic-resources.ts';
import type { NodeAffinityArgs } from '../plugins/node-affinity.ts';
import { DEFAULT_FIT_ARGS, type FitArgs } from '../plugins/node-resources.ts';
import type { PodTopologySpreadArgs } from '../plugins/pod-topology-spread.ts';
import type { ScoredResource, ScoringStrategy, ShapePoint } from '../plugins/resource-scores.ts';
import type { DefaultConstraint } from '../plugins/spread-constraints.ts';
import { DEFAULT_VOLUME_BINDING_ARGS, type VolumeBindingArgs } from '../plugins/volume-binding/volume-binding.ts';
import { readAddedAffinity } from './added-affinity.ts';

const TYPE_META = ['apiVersion', 'kind'] as const;
const MAX_INT32 = 2 ** 31 - 1;

export function readPreemptionArgs(args: Reader): PreemptionArgs {
  args.object(...TYPE_META, 'minCandidateNodesPercentage', 'minCandidateNodesAbsolute');
  const { minCandidateNodesPercentage, minCandidateNodesAbsolute } = DEFAULT_PREEMPTION_ARGS;
  const [percentage, absolute] = [args.field('minCandidateNodesPercentage'), args.field('minCandidateNodesAbsolute')];
  const read = {
    minCandidateNodesPercentage: percentage.within(minCandidateNodesPercentage, [0, 100], 'not in valid range [0, 100]'),
    minCandidateNodesAbsolute: absolute.within(minCandidateNodesAbsolute, [0, MAX_INT32], 'not in valid range [0, inf)'),
  };
  if (read.minCandidateNodesPercentage === 0 && read.minCandidateNodesAbsolute === 0) {
    args.fault(invalid(percentage.at, 0, 'cannot be zero at the same time as minCandidateNodesAbsolute'));
    args.fault(invalid(absolute.at, 0, 'cannot be zero at the same time as minCandidateNodesPercentage'));
  }
  return read;
}

export function readInterPodAffinityArgs(args: Reader): InterPodAffinityArgs {
  args.object(...TYPE_META, 'hardPodAffinityWeight', 'ignorePreferredTermsOfExistingPods');
  const weight = args.field('hardPodAffinityWeight');
  return {
    hardPodAffinityWeight: weight.within(DEFAULT_AFFINITY_ARGS.hardPodAffinityWeight, [0, 100], 'not in valid range [0, 100]'),
    ignorePreferredTermsOfExistingPods: args.field('ignorePreferredTermsOfExistingPods').flag(false),
  };
}

export function readNodeAffinityArgs(args: Reader): NodeAffinityArgs {
  args.object(...TYPE_META, 'addedAffinity');
  const added = args.field('addedAffinity');
  if (added.isAbsent) return {};
  return { addedAffinity: readAddedAffinity(added) };
}

export function readFitArgs(args: Reader): FitArgs {
  args.object(...TYPE_META, 'ignoredResources', 'ignoredResourceGroups', 'scoringStrategy');
  const groups = args.field('ignoredResourceGroups');
  return {
    ignoredResources: args.field('ignoredResources').list((resource) => {
      const name = resource.text('');
      checkLabelName(resource, name);
      return name;
    }),
    ignoredResourceGroups: groups.list((group) => {
      const name = group.text('');
      if (name.includes('/')) group.fault(invalid(group.at, name, "resource group name can't contain '/'"));
      checkLabelName(group, name);
      return name;
    }),
    scoringStrategy: readStrategy(args.field('scoringStrategy')),
  };
}

/** Source: metav1validation.ValidateLabelName. */
function checkLabelName(field: Reader, name: string): void {
  for (const problem of qualifiedName(name)) field.fault(invalid(field.at, name, problem));
}

const STRATEGIES = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'] as const;

function readStrategy(strategy: Reader): ScoringStrategy {
  if (strategy.isAbsent) return DEFAULT_FIT_ARGS.scoringStrategy;
  strategy.object('type', 'resources', 'requestedToCapacityRatio');
  const type = strategy.field('type').text('LeastAllocated');
  const resources = readResources(strategy.field('resources'), {
    max: 100,
    detail: (name) => `resource weight of ${name} not in valid range (0, 100]`,
  });
  const ratio = strategy.field('requestedToCapacityRatio');
  if (type === 'RequestedToCapacityRatio') {
    if (ratio.isAbsent) ratio.fault(required(ratio.at, 'must be specified when type is RequestedToCapacityRatio'));
    return { type, resources, shape: readShape(ratio.object('shape').field('shape')) };
  }
  if (!ratio.isAbsent) ratio.fault(forbidden(ratio.at, 'must be nil when type is not RequestedToCapacityRatio'));
  if (type === 'LeastAllocated' || type === 'MostAllocated') return { type, resources };
  strategy.fault(notSupported(strategy.field('type').at, type, STRATEGIES));
  return DEFAULT_FIT_ARGS.scoringStrategy;
}

/** cpu and memory alike when none are given. */
function readResources(
  list: Reader,
  { max, detail }: { readonly max: number; readonly detail: (name: string) => string },
): readonly ScoredResource[] {
  const resources = list.list((item) => {
    item.object('name', 'weight');
    const weight = item.field('weight');
    // 0 stands for the default.
    const name = item.field('name').text('');
    return { name, weight: weight.value === 0 ? 1 : weight.within(1, [1, max], detail(name)) };
  });
  return resources.length === 0 ? DEFAULT_FIT_ARGS.scoringStrategy.resources : resources;
}

/** Source: validateFunctionShape. */
function readShape(list: Reader): readonly ShapePoint[] {
  let last = -1;
  const shape = list.list((item) => {
    item.object('utilization', 'score');
    const utilization = item.field('utilization');
    const point = {
      utilization: utilization.within(0, [0, 100], 'not in valid range [0, 100]'),
      score: item.field('score').within(0, [0, 10], 'not in valid range [0, 10]'),
    };
    if (point.utilization <= last) item.fault(invalid(utilization.at, point.utilization, 'values must be sorted in increasing order'));
    last = point.utilization;
    return point;
  });
  if (shape.length === 0) list.fault(required(list.at, 'at least one point must be specified'));
  return shape;
}

export function readBalancedArgs(args: Reader): readonly ScoredResource[] {
  args.object(...TYPE_META, 'resources');
  const seen = new Set<string>();
  args.field('resources').list((item) => {
    const field = item.field('name');
    const name = field.text('');
    if (seen.has(name)) item.fault(duplicate(field.at, name));
    seen.add(name);
  });
  return readResources(args.field('resources'), { max: 1, detail: () => 'must be 1' });
}

const DEFAULTING = ['System', 'List'] as const;
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'] as const;

export function readSpreadArgs(args: Reader): PodTopologySpreadArgs {
  args.object(...TYPE_META, 'defaultConstraints', 'defaultingType');
  const [type, list] = [args.field('defaultingType'), args.field('defaultConstraints')];
  const defaultingType = DEFAULTING.find((known) => known === type.text('System'));
  if (defaultingType === undefined) type.fault(notSupported(type.at, type.value, DEFAULTING));
  if (defaultingType === 'System' && Array.isArray(list.value) && list.value.length > 0) {
    type.fault(invalid(type.at, 'System', 'when .defaultConstraints are not empty'));
  }
  const seen = new Set<string>();
  const defaultConstraints = list.list((item) => {
    const constraint = readConstraint(item);
    const shown = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (seen.has(shown)) item.fault(duplicate(item.at, shown));
    seen.add(shown);
    return constraint;
  });
  return defaultingType === 'List' ? { defaultingType, defaultConstraints } : { defaultingType: 'System' };
}

function readConstraint(item: Reader): DefaultConstraint {
  item.object(
    'maxSkew',
    'topologyKey',
    'whenUnsatisfiable',
    'labelSelector',
    'minDomains',
    'nodeAffinityPolicy',
    'nodeTaintsPolicy',
    'matchLabelKeys',
  );
  const [key, action, selector] = [item.field('topologyKey'), item.field('whenUnsatisfiable'), item.field('labelSelector')];
  item.field('maxSkew').within(0, [1, MAX_INT32], 'not in valid range (0, inf)');
  if (key.text('') === '') key.fault(required(key.at, 'can not be empty'));
  else checkLabelName(key, key.text(''));
  if (action.text('') === '') action.fault(required(action.at, 'can not be empty'));
  else if (!ACTIONS.some((known) => known === action.value)) action.fault(notSupported(action.at, action.value, ACTIONS));
  if (!selector.isAbsent) selector.fault(forbidden(selector.at, 'constraint must not define a selector, as they deduced for each pod'));
  return item.value as DefaultConstraint;
}

const UNEXPECTED_SHAPE = 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring';

export function readVolumeBindingArgs(args: Reader): VolumeBindingArgs {
  args.object(...TYPE_META, 'bindTimeoutSeconds', 'shape');
  const seconds = args.field('bindTimeoutSeconds');
  const detail = 'invalid BindTimeoutSeconds, should not be a negative value';
  const shape = args.field('shape');
  if (!shape.isAbsent) shape.fault(invalid(shape.at, shape.value, UNEXPECTED_SHAPE));
  return { bindTimeoutSeconds: seconds.within(DEFAULT_VOLUME_BINDING_ARGS.bindTimeoutSeconds, [0, Infinity], detail) };
}

/**
 * `filterTimeout` is checked and has no effect: a search for devices is bounded by its steps, so that it ends alike every
 * time. Source: ValidateDynamicResourcesArgs.
 */
export function readDynamicResourcesArgs(args: Reader): DynamicResourcesArgs {
  args.object(...TYPE_META, 'filterTimeout', 'bindingTimeout');
  const [filter, binding] = [args.field('filterTimeout'), args.field('bindingTimeout')];
  if (filter.duration(0) < 0) filter.fault(invalid(filter.at, filter.value, 'must be zero or positive'));
  const bindingTimeoutMs = binding.duration(DEFAULT_DYNAMIC_RESOURCES_ARGS.bindingTimeoutMs);
  if (bindingTimeoutMs < 1000) binding.fault(invalid(binding.at, binding.value, 'must be at least 1 second'));
  return { bindingTimeoutMs };
}
