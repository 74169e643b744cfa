// anyOf, oneOf, allOf and not. Source: kube-openapi schema_props.go, schema_messages.go.
import { goQuote } from '#apimachinery/go-format.ts';
import type { Props } from '../from-crd.ts';
import type { Check } from './compile.ts';
import type { Run } from './run.ts';

/** Undefined for a schema without any. */
export function alternatives({ anyOf, oneOf, allOf, not }: Props, compile: (props: Props) => Check): Check | undefined {
  const steps: Check[] = [];
  if (anyOf !== undefined && anyOf.length > 0) steps.push(any(anyOf.map(compile)));
  if (oneOf !== undefined && oneOf.length > 0) steps.push(one(oneOf.map(compile)));
  if (allOf !== undefined && allOf.length > 0) steps.push(all(allOf.map(compile)));
  if (not !== undefined) steps.push(none(compile(not)));
  if (steps.length === 0) return undefined;
  return (value, old, run) => {
    for (const step of steps) step(value, old, run);
  };
}

function tried(check: Check, value: unknown, old: unknown, run: Run): Run {
  const result = run.aside();
  check(value, old, result);
  return result;
}

/** The failure with most checks that held tells best what was meant. */
const better = (result: Run, best: Run | undefined): Run => (best === undefined || result.matches > best.matches ? result : best);

function any(checks: readonly Check[]): Check {
  return (value, old, run) => {
    let best: Run | undefined;
    for (const check of checks) {
      const result = tried(check, value, old, run);
      if (result.valid) return run.merge(result);
      best = better(result, best);
    }
    run.whole(`${goQuote(run.path)} must validate at least one schema (anyOf)`);
    if (best !== undefined) run.merge(best);
  };
}

function one(checks: readonly Check[]): Check {
  return (value, old, run) => {
    const results = checks.map((check) => tried(check, value, old, run));
    const valid = results.filter((result) => result.valid);
    if (valid.length === 1) return run.merge(valid[0] as Run);
    const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
    run.whole(`${goQuote(run.path)} must validate one and only one schema (oneOf). ${found}`);
    if (valid.length > 0) return;
    run.merge(results.reduce<Run>((best, result) => better(result, best), results[0] as Run));
  };
}

function all(checks: readonly Check[]): Check {
  return (value, old, run) => {
    let valid = 0;
    for (const check of checks) {
      const result = tried(check, value, old, run);
      if (result.valid) valid++;
      run.merge(result);
    }
    if (valid === checks.length) return;
    run.whole(`${goQuote(run.path)} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  };
}

function none(check: Check): Check {
  return (value, old, run) => {
    if (tried(check, value, old, run).valid) run.whole(`${goQuote(run.path)} must not validate the schema (not)`);
  };
}
