// Labels of nodes that are no longer used. Source: pkg/api/node util.go.
import type { NodeSelectorTerm } from '../../gen/core-v1.ts';
import type { LabelSelector } from '../../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { labelValue } from '#apimachinery/names.ts';
import type { Warnings } from './collector.ts';

const DEPRECATED: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};

export const deprecatedLabel = (key: string): string | undefined => (Object.hasOwn(DEPRECATED, key) ? DEPRECATED[key] : undefined);

/** `values`: whether the values are looked at too, which only preferences may have wrong. */
export function warnOfTerm(out: Warnings, at: Path, term: NodeSelectorTerm | undefined, values: 'values' | 'keys only'): void {
  term?.matchExpressions?.forEach(({ key, values: given = [] }, i) => {
    const path = at.child('matchExpressions').index(i);
    const message = deprecatedLabel(key);
    if (message !== undefined) out.at(path.child('key'), `${key} is ${message}`);
    if (values === 'keys only') return;
    given.forEach((value, j) => {
      for (const reason of labelValue(value)) out.at(path.child('values').index(j), `${value} is invalid, ${reason}`);
    });
  });
}

export function warnOfNodeSelector(out: Warnings, at: Path, selector: LabelSelector | undefined): void {
  selector?.matchExpressions?.forEach(({ key }, i) => {
    const message = deprecatedLabel(key);
    if (message !== undefined) out.at(at.child('matchExpressions').index(i).child('key'), `${key} is ${message}`);
  });
  for (const key of Object.keys(selector?.matchLabels ?? {})) {
    const message = deprecatedLabel(key);
    if (message !== undefined) out.at(at.child('matchLabels').child(key), message);
  }
}
