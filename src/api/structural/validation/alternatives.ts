// anyOf, oneOf, allOf and not. Source: kube-openapi schema_props.go, schema_messages.go.
import { goQuote } from '#apimachinery/go-format.ts';
import type { Props } from '../from-crd.ts';
import type { Check } from './compile.ts';
import { NO_OLD, type Run } from './run.ts';

/** Adds to `run` what is wrong with a value, whatever it was before an update. */
type Alternative = (value: unknown, run: Run) => void;

/** Undefined for a schema without any. */
export function alternatives({ anyOf, oneOf, allOf, not }: Props, compile: (props: Props) => Check): Alternative | undefined {
  const steps: Alternative[] = [];
  if (anyOf !== undefined && anyOf.length > 0) steps.push(any(anyOf.map(compile)));
  if (oneOf !== undefined && oneOf.length > 0) steps.push(one(oneOf.map(compile)));
  if (allOf !== undefined && allOf.length > 0) steps.push(all(allOf.map(compile)));
  if (not !== undefined) steps.push(none(compile(not)));
  if (steps.length === 0) return undefined;
  return (value, run) => {
    for (const step of steps) step(value, run);
  };
}

function tried(check: Check, value: unknown, run: Run): Run {
  const result = run.aside();
  check(value, NO_OLD, result);
  return result;
}

/** The failure that went furthest tells best what was meant. */
const better = (result: Run, best: Run | undefined): Run => (best === undefined || result.matches > best.matches ? result : best);

function any(checks: readonly Check[]): Alternative {
  return (value, run) => {
    let best: Run | undefined;
    for (const check of checks) {
      const result = tried(check, value, run);
      if (result.valid) return run.merge(result);
      best = better(result, best);
    }
    run.whole(`${goQuote(run.path)} must validate at least one schema (anyOf)`);
    if (best !== undefined) run.merge(best);
  };
}

function one(checks: readonly Check[]): Alternative {
  return (value, run) => {
    const results = checks.map((check) => tried(check, value, run));
    const valid = results.filter((result) => result.valid);
    if (valid.length === 1) return run.merge(valid[0] as Run);
    const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
    run.whole(`${goQuote(run.path)} must validate one and only one schema (oneOf). ${found}`);
    if (valid.length > 0) return;
    run.merge(results.reduce<Run>((best, result) => better(result, best), results[0] as Run));
  };
}

function all(checks: readonly Check[]): Alternative {
  return (value, run) => {
    let valid = 0;
    for (const check of checks) {
      const result = tried(check, value, run);
      if (result.valid) valid++;
      run.merge(result);
    }
    if (valid === checks.length) return;
    run.whole(`${goQuote(run.path)} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  };
}

function none(check: Check): Alternative {
  return (value, run) => {
    if (tried(check, value, run).valid) run.whole(`${goQuote(run.path)} must not validate the schema (not)`);
  };
}
