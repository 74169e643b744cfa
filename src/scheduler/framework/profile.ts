// A set of plugins that pods ask for by its name (spec.schedulerName), each sorted into the points it extends.
// Source: framework/runtime frameworkImpl.
import type { Pod } from '#api/types.ts';
import { ACTION, type ClusterEvent, matchesEvent } from './cluster-event.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { EventHint, Plugin } from './plugin.ts';

export interface WeightedPlugin {
  readonly plugin: Plugin;
  /** Of its scores. */
  readonly weight: number;
}

/** Plugins in the order in which each point asks them. */
export interface Profile {
  readonly schedulerName: string;
  readonly preEnqueue: readonly Plugin[];
  readonly filter: readonly Plugin[];
  readonly postFilter: readonly Plugin[];
  readonly score: readonly WeightedPlugin[];
  readonly reserve: readonly Plugin[];
  readonly permit: readonly Plugin[];
  readonly preBind: readonly Plugin[];
  readonly bind: readonly Plugin[];
  readonly postBind: readonly Plugin[];
  /** All of them, each once. */
  readonly all: readonly Plugin[];
}

/** Plugins of each point that the configuration has a word for. */
export interface PointedPlugins {
  readonly preEnqueue: readonly WeightedPlugin[];
  readonly filter: readonly WeightedPlugin[];
  readonly postFilter: readonly WeightedPlugin[];
  readonly score: readonly WeightedPlugin[];
  readonly reserve: readonly WeightedPlugin[];
  readonly permit: readonly WeightedPlugin[];
  readonly preBind: readonly WeightedPlugin[];
  readonly bind: readonly WeightedPlugin[];
  readonly postBind: readonly WeightedPlugin[];
}

export function profileFrom(schedulerName: string, points: PointedPlugins): Profile {
  const plugins = (list: readonly WeightedPlugin[]): readonly Plugin[] => list.map(({ plugin }) => plugin);
  return {
    schedulerName,
    all: [...new Set(Object.values(points as unknown as Record<string, readonly WeightedPlugin[]>).flatMap(plugins))],
    preEnqueue: plugins(points.preEnqueue),
    filter: plugins(points.filter),
    postFilter: plugins(points.postFilter),
    score: points.score,
    reserve: plugins(points.reserve),
    permit: plugins(points.permit),
    preBind: plugins(points.preBind),
    bind: plugins(points.bind),
    postBind: plugins(points.postBind),
  };
}

/** The profile with `plugin` asked to bind before all others. */
export function bindingFirst(profile: Profile, plugin: Plugin): Profile {
  return { ...profile, bind: [plugin, ...profile.bind], all: [...profile.all, plugin] };
}

/** Every plugin at every point that it implements. */
export function profileOf(schedulerName: string, plugins: readonly WeightedPlugin[]): Profile {
  const at = (has: (plugin: Plugin) => unknown): readonly WeightedPlugin[] => plugins.filter(({ plugin }) => has(plugin) !== undefined);
  return profileFrom(schedulerName, {
    preEnqueue: at(({ preEnqueue }) => preEnqueue),
    filter: at(({ preFilter }) => preFilter),
    postFilter: at(({ postFilter }) => postFilter),
    score: at(({ preScore }) => preScore),
    reserve: at(({ reserve }) => reserve),
    permit: at(({ permit }) => permit),
    preBind: at(({ preBind }) => preBind),
    bind: at(({ bind }) => bind),
    postBind: at(({ postBind }) => postBind),
  });
}

export interface Signature {
  /** Equal for pods that all plugins but those of `particular` treat alike. */
  readonly alike: string;
  /** Plugins that find the pod like no other, in the order in which they filter; they only filter. */
  readonly particular: readonly Plugin[];
}

/** `undefined` when a plugin that scores finds the pod like no other. Source: SignPod. */
export function signatureOf({ filter, score }: Profile, pod: Pod, cluster: ClusterState): Signature | undefined {
  const scoring = new Set(score.map(({ plugin }) => plugin));
  const particular: Plugin[] = [];
  const parts: unknown[] = [];
  for (const plugin of new Set([...filter, ...scoring])) {
    const part = plugin.sign === undefined ? UNLIKE_ANY : plugin.sign(pod, cluster);
    if (part !== UNLIKE_ANY) parts.push(part ?? null);
    else if (scoring.has(plugin) && plugin.mayScore?.(pod) !== false) return undefined;
    else {
      particular.push(plugin);
      parts.push(plugin.name);
    }
  }
  return { alike: JSON.stringify(parts), particular };
}

/** What `sign` answers for a pod that is like no other. */
export const UNLIKE_ANY = Symbol('unlike any other pod');

type Interest = ReadonlyMap<string, readonly EventHint[]>;

/** What is known of a profile, with the event asked for last: one event is asked for about many pods. */
interface Interests {
  readonly byEvent: Map<string, Interest>;
  event: ClusterEvent | undefined;
  interest: Interest;
}

const interests = new WeakMap<Profile, Interests>();

/** Hints to ask when `event` comes, by the plugin that refused the pod; worked out once for each kind of event. */
export function interestIn(profile: Profile, event: ClusterEvent): Interest {
  let known = interests.get(profile);
  if (known === undefined) {
    known = { byEvent: new Map(), event: undefined, interest: new Map() };
    interests.set(profile, known);
  }
  if (known.event === event) return known.interest;
  const key = `${event.resource}/${event.action}`;
  let interest = known.byEvent.get(key);
  if (interest === undefined) {
    interest = new Map(
      profile.all
        .map(({ name, events = EVERY_CHANGE }) => [name, events.filter((hint) => matchesEvent(hint.event, event))] as const)
        .filter(([, hints]) => hints.length > 0),
    );
    known.byEvent.set(key, interest);
  }
  known.event = event;
  known.interest = interest;
  return interest;
}

/** A plugin that says nothing of events is asked again after any. Source: UnrollWildCardResource. */
const EVERY_CHANGE: readonly EventHint[] = [{ event: { resource: '*', action: ACTION.All, label: '*All' } }];
