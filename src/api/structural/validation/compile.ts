// A CRD's schema as functions that check values, each made when the first value comes that it is about.
// Source: kube-openapi pkg/validation/validate, apiextensions pkg/apiserver/validation (kubeOpenAPIResultToFieldErrors,
// ratchetingValueValidator).
import type { FieldError } from '#apimachinery/field-errors.ts';
import { isJsonObject, type JsonObject } from '../../json-object.ts';
import type { Props } from '../from-crd.ts';
import { alternatives } from './alternatives.ts';
import { oldItems } from './old-items.ts';
import { NO_OLD, Run } from './run.ts';
import { sameAsBefore } from './sameness.ts';
import { scalarChecks, sizeChecks, typeCheck } from './values.ts';

/** Adds to `run` what is wrong with a value. `old`: its counterpart before an update, or NO_OLD. */
export type Check = (value: unknown, old: unknown, run: Run) => void;

export type Validator = {
  /** What is wrong with a new value; empty when nothing is. */
  create(value: unknown): readonly FieldError[];
  /** What is wrong with a changed value where it differs from `old`: what was wrong before may stay. */
  update(value: unknown, old: unknown): readonly FieldError[];
};

/** @param root where the value is in its object; empty for the object itself */
export function compileValidator(props: Props | undefined, root = ''): Validator {
  if (props === undefined) return { create: () => [], update: () => [] };
  const nested = new NestedCheck(props, root === '');
  return {
    create: (value) => {
      const run = new Run(root);
      nested.check(value, NO_OLD, run);
      return run.errors;
    },
    update: (value, old) => {
      const run = new Run(root);
      nested.tolerant(value, old, run);
      return run.errors;
    },
  };
}

/** Definitions are many and long, and most parts of most of them no value is ever checked against. */
class NestedCheck {
  readonly #props: Props;
  readonly #whole: boolean;
  #made: Check | undefined;

  /** @param whole the value is a whole object */
  constructor(props: Props, whole = false) {
    this.#props = props;
    this.#whole = whole;
  }

  check(value: unknown, old: unknown, run: Run): void {
    this.#made ??= compileSchema(this.#props, this.#whole);
    this.#made(value, old, run);
  }

  /** A value that is what it was may be wrong as it was. */
  tolerant(value: unknown, old: unknown, run: Run): void {
    const { mark } = run;
    this.check(value, old, run);
    if (run.mark > mark && sameAsBefore(this.#props, value, old)) run.reset(mark);
  }
}

/** @param whole the value is a whole object */
function compileSchema(props: Props, whole = false): Check {
  const type = typeCheck(props);
  const branches = alternatives(props, (branch) => compileSchema(branch));
  const scalars = scalarChecks(props);
  const sizes = sizeChecks(props);
  const items = isJsonObject(props.items) ? new NestedCheck(props.items as Props) : undefined;
  const members = objectChecks(props, whole);
  return (value, old, run) => {
    type(value, run);
    if (value === null) {
      scalars.common(null, run);
      return;
    }
    branches?.(value, run);
    if (typeof value === 'string') scalars.text(value, run);
    else if (typeof value === 'number' || typeof value === 'bigint') scalars.number(value, run);
    else if (Array.isArray(value)) {
      if (items !== undefined) checkItems(value, oldItems(props, value, old), items, run);
      sizes.list(value, run);
    }
    scalars.common(value, run);
    if (isJsonObject(value)) {
      sizes.object(value, run);
      members(value, old, run);
    }
    run.matches += CHECKS_OF_ANY_VALUE;
  };
}

/** Alternatives count for two, the enumeration for one, and so does the value itself. */
const CHECKS_OF_ANY_VALUE = 4;

/** Old and new objects have been brought to one version, so that these say nothing of what changed. */
const TYPE_META: ReadonlySet<string> = new Set(['apiVersion', 'kind']);

function checkItems(list: readonly unknown[], old: (index: number) => unknown, items: NestedCheck, run: Run): void {
  for (let i = 0; i < list.length; i++) {
    run.enter(i);
    items.tolerant(list[i], old(i), run);
    run.leave();
  }
}

function objectChecks({ properties = {}, additionalProperties, required = [] }: Props, whole: boolean): Check {
  const members = new Map(Object.entries(properties).map(([name, props]) => [name, new NestedCheck(props)]));
  const others = isJsonObject(additionalProperties) ? new NestedCheck(additionalProperties as Props) : undefined;
  return (value, old, run) => {
    const object = value as JsonObject;
    const before = isJsonObject(old) ? old : undefined;
    const visit = (name: string, nested: NestedCheck): void => {
      const was = before !== undefined && Object.hasOwn(before, name) ? before[name] : NO_OLD;
      run.enter(name);
      if (whole && TYPE_META.has(name)) nested.check(object[name], was, run);
      else nested.tolerant(object[name], was, run);
      run.leave();
    };
    if (others !== undefined) for (const name of Object.keys(object)) if (!members.has(name)) visit(name, others);
    for (const [name, nested] of members) if (Object.hasOwn(object, name)) visit(name, nested);
    for (const name of required) if (!Object.hasOwn(object, name)) run.missing(name);
    run.matches++;
  };
}
