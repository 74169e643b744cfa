// How much of what a quota limits one object takes. One evaluator a resource; ./evaluators.ts lists them.
// Source: apiserver pkg/quota/v1 interfaces.go, generic evaluator.go.
import type { Resource } from '#apimachinery/resource.ts';
import type { ResourceList } from '../resource-lists.ts';
import type { KubeObject, ResourceQuota } from '../types.ts';
import { labelMatches } from './scope-selector.ts';

/** A write as far as quotas ask: what admission sees has these fields. */
export interface QuotaWrite {
  readonly operation: string;
  readonly subresource: string;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
}

/** What some evaluators look up beside the object: any synchronous reader of all objects. */
export interface QuotaReader {
  get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string): T | undefined;
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Iterable<T>;
}

export interface ScopeSelector {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface Evaluator {
  /** Whether a write may change what its object takes. */
  handles(attributes: QuotaWrite): boolean;
  /** Those of a quota's names that objects of this resource take. */
  matching(names: readonly string[]): readonly string[];
  /** Why an object must say more of itself before `names` can be counted; undefined when it says enough. */
  constraint?(names: readonly string[], object: KubeObject): string | undefined;
  matchesScope(selector: ScopeSelector, object: KubeObject): boolean;
  /** @param now milliseconds since the epoch */
  usage(object: KubeObject, now: number): ResourceList;
}

/** `count/pods`, `count/deployments.apps`. Source: ObjectCountQuotaResourceNameFor. */
export const countName = (group: string, resource: string): string => `count/${group === '' ? resource : `${resource}.${group}`}`;

/** Counts objects, under one or two names. */
export function countEvaluator(...names: readonly string[]): Evaluator {
  const usage = Object.fromEntries(names.map((name) => [name, '1']));
  return {
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    matching: (wanted) => wanted.filter((name) => names.includes(name)),
    matchesScope: () => false,
    usage: () => usage,
  };
}

/** Whether a quota counts `object` at all: it names something the object takes, and all its scopes fit. */
export function quotaMatches({ spec, status }: ResourceQuota, object: KubeObject, evaluator: Evaluator): boolean {
  if (evaluator.matching(Object.keys(status.hard ?? {})).length === 0) return false;
  const selectors: readonly ScopeSelector[] = [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
  return selectors.every((selector) => evaluator.matchesScope(selector, object));
}

/** Whether one of an object's values for a scope is selected; an object without any is tested as such. */
export function valuesMatch(selector: ScopeSelector, values: readonly string[]): boolean {
  if (selector.operator === 'Exists') return values.length > 0;
  return values.length === 0 ? labelMatches(selector, undefined) : values.some((value) => labelMatches(selector, value));
}
