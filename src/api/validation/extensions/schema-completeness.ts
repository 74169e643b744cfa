// Whatever a condition of a schema speaks of must be specified by the schema itself.
// Source: apiextensions schema/complete.go validateStructuralCompleteness.
import { ownValue } from '../../json-object.ts';
import type { JSONSchemaProps } from '../../gen/apiextensions-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { entries, type Problems } from '../problems.ts';

type Props = JSONSchemaProps;

/** A schema outside of conditions, and where it would be if there were none. */
interface Specified {
  readonly schema: Props | undefined;
  readonly at: Path;
}

const itemsOf = ({ items }: Props): Props | undefined => (isObject(items) ? (items as Props) : undefined);

export function validateCompleteness(out: Problems, at: Path, schema: Props): void {
  visitConditions(out, { schema, at }, schema, at);
}

/** The conditions in `schema`, which stands at `at` and is about what `specified` is. */
function visitConditions(out: Problems, specified: Specified, schema: Props, at: Path): void {
  if (schema.not !== undefined) visit(out, specified, schema.not, at.child('not'));
  for (const member of ['allOf', 'anyOf', 'oneOf'] as const)
    schema[member]?.forEach((branch, i) => visit(out, specified, branch, at.child(member).index(i)));
}

function visit(out: Problems, specified: Specified, condition: Props, at: Path): void {
  const { schema } = specified;
  if (schema === undefined) return out.required(specified.at, `because it is defined in ${at}`);
  visitConditions(out, specified, condition, at);
  const item = itemsOf(condition);
  if (item !== undefined) visit(out, { schema: itemsOf(schema), at: specified.at.child('items') }, item, at.child('items'));
  for (const [name, property] of entries(condition.properties)) {
    const own = { schema: ownValue(schema.properties, name), at: specified.at.child('properties').key(name) };
    visit(out, own, property, at.child('properties').key(name));
  }
}
