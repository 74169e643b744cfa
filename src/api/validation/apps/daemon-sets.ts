// DaemonSets. Source: ValidateDaemonSet….
import type { DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy } from '../../gen/apps-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { validatePodTemplate } from '../core/pod-spec.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import {
  compiled,
  intOrPercentValue,
  isEmpty,
  validateAlwaysRuns,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
} from './workloads.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');

export function validateDaemonSet(out: Problems, set: DaemonSet): void {
  validateObjectMeta(out, set.metadata, 'namespaced', subdomainName);
  validateSpec(out, set.spec);
}

export function validateDaemonSetUpdate(out: Problems, set: DaemonSet, old: DaemonSet): void {
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  out.immutable(SPEC.child('selector'), set.spec.selector, deepEqual(set.spec.selector, old.spec.selector));
  validateSpec(out, set.spec);
}

function validateSpec(out: Problems, spec: DaemonSetSpec): void {
  validateLabelSelector(out, SPEC.child('selector'), spec.selector);
  const selector = compiled(spec.selector);
  const template = SPEC.child('template');
  if (selector?.matches(spec.template.metadata?.labels) === false) {
    out.invalid(
      template.child('metadata', 'labels'),
      spec.template.metadata?.labels ?? null,
      '`selector` does not match template `labels`',
    );
  }
  if (hasSelector(spec) && isEmpty(spec.selector))
    out.invalid(SPEC.child('selector'), spec.selector, 'empty selector is invalid for daemonset');
  validatePodTemplate(out, template, spec.template);
  validateAlwaysRuns(out, template, spec.template, 'DaemonSet');
  out.nonNegative(SPEC.child('minReadySeconds'), spec.minReadySeconds);
  validateStrategy(out, SPEC.child('updateStrategy'), spec.updateStrategy);
  out.nonNegative(SPEC.child('revisionHistoryLimit'), spec.revisionHistoryLimit);
}

const rollingForm = (rolling: DaemonSetUpdateStrategy['rollingUpdate']): unknown =>
  rolling === undefined ? null : { MaxUnavailable: rolling.maxUnavailable ?? 0, MaxSurge: rolling.maxSurge ?? 0 };

/** A required member that was not given is null. */
const hasSelector = ({ selector }: { readonly selector?: unknown }): boolean => selector !== undefined && selector !== null;

function validateStrategy(out: Problems, at: Path, strategy: DaemonSetUpdateStrategy): void {
  if (strategy.type === 'OnDelete') return;
  const rolling = strategy.rollingUpdate;
  if (strategy.type !== 'RollingUpdate') {
    const shown = { Type: (strategy as { readonly type?: string }).type ?? '', RollingUpdate: rollingForm(rolling) };
    return out.notSupported(at, shown, ['RollingUpdate', 'OnDelete']);
  }
  const path = at.child('rollingUpdate');
  if (rolling === undefined) return out.required(path);
  const { maxUnavailable, maxSurge } = rolling;
  out.intOrPercent(path.child('maxUnavailable'), maxUnavailable);
  out.intOrPercent(path.child('maxSurge'), maxSurge);
  validateAtMost100Percent(out, path.child('maxUnavailable'), maxUnavailable);
  validateAtMost100Percent(out, path.child('maxSurge'), maxSurge);
  const [unavailable, surge] = [intOrPercentValue(maxUnavailable) !== 0, intOrPercentValue(maxSurge) !== 0];
  if (unavailable && surge) out.invalid(path.child('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero');
  else if (!unavailable && !surge) out.required(path.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0');
}

export function validateDaemonSetStatusUpdate(out: Problems, set: DaemonSet, old: DaemonSet): void {
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  const status: Partial<NonNullable<DaemonSet['status']>> = set.status ?? {};
  validateCounts(out, STATUS, status, [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ]);
  validateCollisionCount(out, STATUS, status.collisionCount, old.status?.collisionCount);
}
