// The rules of custom resources of one version, from what its definition says.
// Source: apiextensions pkg/registry/customresource strategy.go, status_strategy.go, validator.go.
import type { ResourceInfo } from '#api/schema.ts';
import type { Props } from '#api/structural/from-crd.ts';
import { compileRuleValidator, type RuleFindings, type RuleValidator } from '#api/structural/rules/validator.ts';
import { compileValidator, type Validator } from '#api/structural/validation/compile.ts';
import { compileEmbeddedChecks } from '#api/structural/validation/embedded.ts';
import { compileListChecks } from '#api/structural/validation/lists.ts';
import type { CustomResourceDefinitionVersion, KubeObject } from '#api/types.ts';
import { subdomainName, validatePlainMeta, validatePlainMetaUpdate } from '#api/validation/metadata.ts';
import { Problems } from '#api/validation/problems.ts';
import { finalizerWarnings } from '#api/validation/warnings/finalizers.ts';
import type { ReplicasPaths } from '#apimachinery/apply/scale.ts';
import { invalid, type FieldError, type FieldErrorType } from '#apimachinery/field-errors.ts';
import { NO_PATH } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import { withStatus } from '../registry/generic-strategy.ts';
import { resetForStatus, withMetadata } from '../registry/metadata.ts';
import type { Strategy, UpdateHooks, WriteContext } from '../registry/strategy.ts';
import { segmentsOf, valueAt } from './paths.ts';
import type { RuleMetrics } from './rule-metrics.ts';
import { scaleErrors, scaleHooks } from './scale.ts';

type WithStatus = KubeObject & { readonly status?: unknown };

/** @param replicas where each version of the definition keeps its replicas */
export function customStrategy(
  info: ResourceInfo,
  version: CustomResourceDefinitionVersion,
  replicas: ReplicasPaths,
  metrics: RuleMetrics,
): Strategy {
  const { scale, status } = version.subresources ?? {};
  const hasStatus = status !== undefined;
  const rules = new Rules(info, version, metrics);
  return {
    allowUnconditionalUpdate: false,
    prepareForCreate: (object) => withMetadata(hasStatus ? withStatus(object, undefined) : object, { generation: 1 }),
    prepareForUpdate: (object, old) => counted(hasStatus ? withStatus(object, (old as WithStatus).status) : object, old),
    validate: (object) => rules.create(object),
    validateUpdate: (object, old, context) => rules.update(object, old, context),
    warnings: (object, old) => finalizerWarnings(object.metadata.finalizers, old?.metadata.finalizers),
    ...(scale === undefined ? {} : { scale: scaleHooks(scale, replicas) }),
    ...(hasStatus ? { subresources: { status: statusHooks(rules) }, resetFields: RESET } : {}),
    selectableFields: Object.fromEntries(
      (info.custom?.selectableFields ?? []).map((path) => {
        const segments = segmentsOf(path);
        return [segments.join('.'), (object: KubeObject) => shownField(valueAt(object, segments))];
      }),
    ),
    unknownFieldLabel: (label) => `field label not supported: ${label}`,
  };
}

const RESET = { '': [['status']], status: [['metadata'], ['spec']] };

const shownField = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

/** Anything but metadata counts. */
function counted(object: KubeObject, old: KubeObject): KubeObject {
  const { metadata: _, ...now } = object;
  const { metadata: __, ...before } = old;
  return deepEqual(now, before) ? object : withMetadata(object, { generation: Number(old.metadata.generation ?? 0) + 1 });
}

/** Only status is taken over. */
function statusHooks(rules: Rules): UpdateHooks {
  return {
    prepareForUpdate: (object, old) =>
      withStatus({ ...old, metadata: resetForStatus(object.metadata, old.metadata) }, (object as WithStatus).status),
    validateUpdate: (object, old, context) => rules.statusUpdate(object, old, context),
  };
}

/** Source: hasBlockingErr. */
const MISSHAPEN: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const UNJUDGED = invalid(
  NO_PATH,
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

/** Asked once more than of any object, so that what is wrong with it is told twice. Source: customResourceValidator ValidateUpdate. */
function metaChange(object: KubeObject, old: KubeObject): readonly FieldError[] {
  const out = new Problems();
  validatePlainMetaUpdate(out, object.metadata, old.metadata);
  return out.list;
}

class Rules {
  readonly #info: ResourceInfo;
  readonly #scale: NonNullable<CustomResourceDefinitionVersion['subresources']>['scale'];
  readonly #props: Props | undefined;
  readonly #whole: Validator;
  readonly #status: Validator;
  #listChecks: ReturnType<typeof compileListChecks> | 'unmade' = 'unmade';
  #embeddedChecks: ReturnType<typeof compileEmbeddedChecks> | 'unmade' = 'unmade';
  readonly #expressions: RuleValidator | undefined;
  readonly #metrics: RuleMetrics;

  constructor(info: ResourceInfo, { schema, subresources }: CustomResourceDefinitionVersion, metrics: RuleMetrics) {
    const props: Props | undefined = schema?.openAPIV3Schema;
    this.#info = info;
    this.#props = props;
    this.#scale = subresources?.scale;
    this.#whole = compileValidator(props);
    this.#status = compileValidator(props?.properties?.['status'], 'status');
    this.#metrics = metrics;
    this.#expressions = metrics.compiling(() => compileRuleValidator(props));
  }

  get #lists(): ReturnType<typeof compileListChecks> {
    if (this.#listChecks === 'unmade') this.#listChecks = compileListChecks(this.#props);
    return this.#listChecks;
  }

  get #embedded(): ReturnType<typeof compileEmbeddedChecks> {
    if (this.#embeddedChecks === 'unmade') this.#embeddedChecks = compileEmbeddedChecks(this.#props);
    return this.#embeddedChecks;
  }

  create(object: KubeObject): readonly FieldError[] {
    const wrong = this.#typeMeta(object);
    if (wrong.length > 0) return wrong;
    const out = new Problems();
    validatePlainMeta(out, object.metadata, this.#info.namespaced ? 'namespaced' : 'cluster', subdomainName);
    const errors = [
      ...out.list,
      ...this.#whole.create(object),
      ...this.#scaleErrors(object, ['spec', 'status']),
      ...(this.#embedded?.(object) ?? []),
      ...(this.#lists?.(object) ?? []),
    ];
    return this.#judged(errors, (rules) => rules.create(object));
  }

  update(object: KubeObject, old: KubeObject, context: WriteContext): readonly FieldError[] {
    const wrong = this.#typeMeta(object);
    if (wrong.length > 0) return wrong;
    const errors = [
      ...metaChange(object, old),
      ...this.#whole.update(object, old),
      ...this.#scaleErrors(object, ['spec', 'status']),
      ...(this.#embedded?.(object) ?? []),
      ...this.#listErrors(object, old),
    ];
    return this.#judged(errors, (rules) => rules.update(object, old), context);
  }

  statusUpdate(object: KubeObject, old: KubeObject, context: WriteContext): readonly FieldError[] {
    const { status } = object as WithStatus;
    const errors = [
      ...metaChange(object, old),
      ...(status === undefined ? [] : this.#status.update(status, (old as WithStatus).status)),
      ...this.#scaleErrors(object, ['status']),
      ...this.#listErrors(object, old),
    ];
    return this.#judged(errors, (rules) => rules.update(object, old), context);
  }

  /** Errors, and those of the rules in the schema, which are about objects of the right shape only. */
  #judged(errors: readonly FieldError[], judge: (rules: RuleValidator) => RuleFindings, context?: WriteContext): readonly FieldError[] {
    const expressions = this.#expressions;
    if (expressions === undefined) return errors;
    if (errors.some(({ type }) => MISSHAPEN.has(type))) return [...errors, UNJUDGED];
    const found = this.#metrics.evaluating(() => judge(expressions));
    for (const text of found.warnings) context?.request.warnings.add(text);
    return [...errors, ...found.errors];
  }

  #typeMeta({ kind, apiVersion }: KubeObject): readonly FieldError[] {
    const expected = apiVersionOf(this.#info);
    return [
      ...(kind === this.#info.kind ? [] : [invalid('kind', kind, `must be ${this.#info.kind}`)]),
      ...(apiVersion === expected ? [] : [invalid('apiVersion', apiVersion, `must be ${expected}`)]),
    ];
  }

  #scaleErrors(object: KubeObject, parts: readonly ('spec' | 'status')[]): readonly FieldError[] {
    return this.#scale === undefined ? [] : scaleErrors(object, this.#scale, parts);
  }

  /** Lists that were wrong before may stay so. */
  #listErrors(object: KubeObject, old: KubeObject): readonly FieldError[] {
    const found = this.#lists?.(object) ?? [];
    return found.length > 0 && (this.#lists?.(old) ?? []).length === 0 ? found : [];
  }
}
