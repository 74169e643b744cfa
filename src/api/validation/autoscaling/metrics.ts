// What an autoscaler measures. Source: autoscaling validation.go validateMetrics and its kin.
import type { MetricIdentifier, MetricSpec, MetricTarget } from '../../gen/autoscaling-v2.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, pathSegmentName } from '#apimachinery/names.ts';
import { checkContainerResourceName } from '../core/resource-names.ts';
import { blank, quantity, type Problems } from '../problems.ts';
import { validateScaledReference, type VersionRule } from './scaled-references.ts';

const SOURCE_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
const TARGET_TYPES: ReadonlySet<string> = new Set(['Utilization', 'Value', 'AverageValue']);

/** The member that each type of source is given in, in the order they are looked at. */
const MEMBERS = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
} as const;

type Member = (typeof MEMBERS)[keyof typeof MEMBERS];

interface MetricRules {
  /** It may scale to no replicas. */
  readonly toZero: boolean;
  readonly described: VersionRule;
}

export function validateMetrics(out: Problems, at: Path, metrics: readonly MetricSpec[], { toZero, described }: MetricRules): void {
  metrics.forEach((metric, i) => validateMetric(out, at.index(i), metric, described));
  const outside = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (toZero && !outside) out.forbidden(at, 'must specify at least one Object or External metric to support scaling to zero replicas');
}

function validateMetric(out: Problems, at: Path, metric: MetricSpec, described: VersionRule): void {
  const type = (metric as { readonly type?: string }).type ?? '';
  const known = SOURCE_TYPES.includes(type);
  if (type === '') out.required(at.child('type'), 'must specify a metric source type');
  if (!known) out.notSupported(at.child('type'), type, SOURCE_TYPES);
  const present = Object.values(MEMBERS).filter((member) => metric[member] !== undefined);
  const [first] = present;
  if (first !== undefined) CHECKS[first](out, at.child(first), metric, described);
  const expected = known ? MEMBERS[type as keyof typeof MEMBERS] : undefined;
  if (expected === undefined) out.notSupported(at.child('type'), type, SOURCE_TYPES);
  else if (metric[expected] === undefined) out.required(at.child(expected), 'must populate information for the given metric source');
  if (present.length === 1) return;
  for (const member of present) {
    if (member !== expected) out.forbidden(at.child(member), 'must populate the given metric source only');
  }
}

const CHECKS: Readonly<Record<Member, (out: Problems, at: Path, metric: MetricSpec, described: VersionRule) => void>> = {
  object: (out, at, { object }, described) => {
    validateScaledReference(out, at.child('describedObject'), object?.describedObject ?? {}, described);
    validateIdentified(out, at, object);
    const { value, averageValue } = object?.target ?? {};
    if (value === undefined && averageValue === undefined)
      out.required(at.child('target', 'averageValue'), 'must set either a target value or averageValue');
  },
  external: (out, at, { external }) => {
    validateIdentified(out, at, external);
    const { value, averageValue } = external?.target ?? {};
    if (value === undefined && averageValue === undefined)
      out.required(at.child('target', 'averageValue'), 'must set either a target value for metric or a per-pod target');
    if (value !== undefined && averageValue !== undefined)
      out.forbidden(at.child('target', 'value'), 'may not set both a target value for metric and a per-pod target');
  },
  pods: (out, at, { pods }) => {
    validateIdentified(out, at, pods);
    if (pods?.target.averageValue === undefined)
      out.required(at.child('target', 'averageValue'), 'must specify a positive target averageValue');
  },
  resource: (out, at, { resource }) => {
    if (blank(resource?.name)) out.required(at.child('name'), 'must specify a resource name');
    validateResourceTarget(out, at.child('target'), resource?.target ?? {});
  },
  containerResource: (out, at, { containerResource: source }) => {
    const { name, container } = source ?? {};
    if (blank(name)) out.required(at.child('name'), 'must specify a resource name');
    else checkContainerResourceName(out, at.child('name'), name);
    if (blank(container)) out.required(at.child('container'), 'must specify a container');
    else out.each(at.child('container'), container, dns1123Label(container));
    validateResourceTarget(out, at.child('target'), source?.target ?? {});
  },
};

interface Identified {
  readonly metric?: MetricIdentifier;
  readonly target?: MetricTarget;
}

function validateIdentified(out: Problems, at: Path, source: Identified | undefined): void {
  const name = source?.metric?.name;
  const path = at.child('metric', 'name');
  if (blank(name)) out.required(path, 'must specify a metric name');
  else out.each(path, name, pathSegmentName(name));
  validateTarget(out, at.child('target'), source?.target ?? {});
}

function validateResourceTarget(out: Problems, at: Path, target: Partial<MetricTarget>): void {
  validateTarget(out, at, target);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined)
    out.required(at.child('averageUtilization'), 'must set either a target raw value or a target utilization');
  if (averageUtilization !== undefined && averageValue !== undefined)
    out.forbidden(at.child('averageValue'), 'may not set both a target raw value and a target utilization');
}

function validateTarget(out: Problems, at: Path, { type, value, averageValue, averageUtilization }: Partial<MetricTarget>): void {
  if (blank(type)) out.required(at.child('type'), 'must specify a metric target type');
  if (!TARGET_TYPES.has(type ?? '')) out.invalid(at.child('type'), type ?? '', 'must be either Utilization, Value, or AverageValue');
  for (const [member, amount] of Object.entries({ value, averageValue })) {
    if (amount !== undefined && quantity(amount).sign() !== 1)
      out.invalid(at.child(member), quantity(amount).toString(), 'must be positive');
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    out.invalid(at.child('averageUtilization'), averageUtilization, 'must be greater than 0');
}
