// The evaluator of each resource. Source: pkg/quota/v1/evaluator/core registry.go, pkg/quota/v1/install registry.go.
import { countEvaluator, countName, type Evaluator, type QuotaReader } from './evaluator.ts';
import { podEvaluator } from './pods.ts';
import { resourceClaimEvaluator } from './resource-claims.ts';
import { serviceEvaluator } from './services.ts';
import { volumeClaimEvaluator } from './volume-claims.ts';

/** Never stored, or never counted. */
const IGNORED: ReadonlySet<string> = new Set([
  'bindings.',
  'componentstatuses.',
  'tokenreviews.authentication.k8s.io',
  'selfsubjectreviews.authentication.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
  'events.',
  'events.events.k8s.io',
]);

/** Resources with a name in quotas from before every resource had one. */
const ALIASED: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

export class Evaluators {
  readonly #known: Map<string, Evaluator>;

  constructor(reader: QuotaReader) {
    this.#known = new Map<string, Evaluator>([
      ['pods.', podEvaluator],
      ['services.', serviceEvaluator],
      ['persistentvolumeclaims.', volumeClaimEvaluator],
      ['resourceclaims.resource.k8s.io', resourceClaimEvaluator(reader)],
    ]);
  }

  /** Undefined for what no quota counts. */
  find({ group, resource }: { readonly group: string; readonly resource: string }): Evaluator | undefined {
    const key = `${resource}.${group}`;
    if (IGNORED.has(key)) return undefined;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = countEvaluator(countName(group, resource), ...(group === '' && ALIASED.has(resource) ? [resource] : []));
      this.#known.set(key, found);
    }
    return found;
  }
}
