// Checks the affinity that NodeAffinity adds to every pod. Source: component-helpers scheduling/corev1/nodeaffinity.
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { invalid, notSupported } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { requirementErrors } from '#apimachinery/label-requirement.ts';
import type { NodeAffinity } from '#api/types.ts';

/** Operators as nodes are selected by them, with their name among labels. */
const OPERATORS = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
  ['Gt', 'gt'],
  ['Lt', 'lt'],
]);
const FIELD_OPERATORS = ['In', 'NotIn'];

export function readAddedAffinity(added: Reader): NodeAffinity {
  added.object('requiredDuringSchedulingIgnoredDuringExecution', 'preferredDuringSchedulingIgnoredDuringExecution');
  const required = added.field('requiredDuringSchedulingIgnoredDuringExecution').object('nodeSelectorTerms');
  required.field('nodeSelectorTerms').list((term) => checkTerm(term, term.at));
  added.field('preferredDuringSchedulingIgnoredDuringExecution').list((item) => {
    item.object('weight', 'preference');
    // Upstream's paths leave `preference` out, and what weighs nothing is not looked at.
    if (item.field('weight').integer(0) !== 0) checkTerm(item.field('preference'), item.at);
  });
  return added.value as NodeAffinity;
}

function checkTerm(term: Reader, at: Path | string): void {
  term.object('matchExpressions', 'matchFields');
  const base = at instanceof Path ? at : Path.of(at);
  eachRequirement(term, 'matchExpressions', base, ({ item, path, key, operator, values }) => {
    const label = OPERATORS.get(operator);
    if (label === undefined) item.fault(notSupported(path.child('operator'), operator, [...OPERATORS.keys()]));
    else for (const error of requirementErrors(key, label, values, path)) item.fault(error);
  });
  eachRequirement(term, 'matchFields', base, ({ item, path, operator, values }) => {
    if (!FIELD_OPERATORS.includes(operator)) item.fault(notSupported(path.child('operator'), operator, FIELD_OPERATORS));
    else if (values.length !== 1) item.fault(invalid(path.child('values'), values, 'must have one element'));
  });
}

interface Requirement {
  readonly item: Reader;
  readonly path: Path;
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

function eachRequirement(term: Reader, name: string, at: Path, check: (requirement: Requirement) => void): void {
  let i = 0;
  term.field(name).list((item) => {
    item.object('key', 'operator', 'values');
    const values = item.field('values').list((value) => value.text(''));
    const [key, operator] = [item.field('key').text(''), item.field('operator').text('')];
    check({ item, path: at.child(name).index(i++), key, operator, values });
  });
}
