// Expressions in definitions, as upstream's validation_test.go has them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors, updateErrors } from '../fixture.ts';

const KIND = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
const AT = 'spec.validation.openAPIV3Schema';
const ADVICE = '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

const definition = (spec: object): object => ({
  metadata: { name: 'things.a.b' },
  spec: {
    group: 'a.b',
    scope: 'Namespaced',
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }],
  },
  status: { storedVersions: ['v1'], acceptedNames: { plural: '', kind: '' }, conditions: [] },
});

const ruled = (schema: object, rule: object): object => ({ ...schema, 'x-kubernetes-validations': [rule] });
const object = (properties: object): object => ({ type: 'object', properties });
const STRING = { type: 'string' };
const EXPENSIVE = 'self.all(x, self.all(y, x == y))';

const CASES: readonly (readonly [name: string, schema: object, errors: readonly string[]])[] = [
  ['what compiles', ruled(object({ a: STRING }), { rule: 'self.a == oldSelf.a', messageExpression: '"no " + self.a' }), []],
  [
    'a field nobody knows',
    ruled(object({ a: STRING }), { rule: 'self.b == "x"' }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.b == \\"x\\"","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == "x"\n | ....^`,
    ],
  ],
  [
    'a pattern that is none',
    ruled(object({ a: { ...STRING, maxLength: 9 } }), { rule: 'self.a.find(")") == ""' }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a.find(\\")\\") == \\"\\"","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: program instantiation failed: error parsing regexp: unexpected ): \`)\``,
    ],
  ],
  [
    'a rule that is no question',
    ruled(object({ a: STRING }), { rule: 'self.a' }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool`,
    ],
  ],
  [
    'a message that is no text',
    ruled(object({ a: STRING }), { rule: 'true', messageExpression: '1' }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].messageExpression: Invalid value: {"Rule":"true","Message":"","MessageExpression":"1","Reason":null,"FieldPath":"","OptionalOldSelf":null}: messageExpression must evaluate to a string`,
    ],
  ],
  [
    'an old item of a list without keys',
    object({ l: { type: 'array', maxItems: 3, items: ruled({ ...STRING, maxLength: 9 }, { rule: 'self == oldSelf' }) } }),
    [
      `${AT}.properties[spec].properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${AT}.properties[spec].properties[l]`,
    ],
  ],
  [
    'an option nobody uses',
    ruled(STRING, { rule: 'true', optionalOldSelf: true }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule`,
    ],
  ],
  [
    'a rule without bounds',
    ruled({ type: 'array', items: STRING }, { rule: EXPENSIVE }),
    [
      `${AT}.properties[spec].x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${ADVICE}`,
      `${AT}.properties[spec].x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `${AT}: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${ADVICE}`,
    ],
  ],
  ['one with bounds', ruled({ type: 'array', maxItems: 10, items: { ...STRING, maxLength: 10 } }, { rule: EXPENSIVE }), []],
  [
    'a default that a rule refuses',
    object({ a: { ...ruled({ type: 'integer' }, { rule: 'self < 3' }), default: 4 } }),
    [`${AT}.properties[spec].properties[a].default: Invalid value: 4: failed rule: self < 3`],
  ],
  [
    'a rule in a branch',
    { ...object({ a: STRING }), anyOf: [{ properties: { a: ruled({}, { rule: 'true' }) } }] },
    [`${AT}.properties[spec].anyOf[0].properties[a].x-kubernetes-validations: Forbidden: must be empty to be structural`],
  ],
];

for (const [name, schema, expected] of CASES) {
  test(`validateCreate of rules with ${name}`, () => assert.deepEqual(createErrors(KIND, definition(schema)), expected));
}

test('validateUpdate lets a schema that did not change cost what it did', () => {
  const costly = definition(ruled({ type: 'array', maxItems: 1000, items: { ...STRING, maxLength: 100 } }, { rule: EXPENSIVE }));
  const refused = createErrors(KIND, costly);
  assert.equal(refused.length, 1);
  assert.match(refused[0] ?? '', /estimated rule cost exceeds budget by factor of/);
  assert.deepEqual(updateErrors(KIND, costly, costly), []);
});

test('validateUpdate lets a new version have the schema that all versions had, whatever it costs', () => {
  const schema = object({ f: ruled({ type: 'array', maxItems: 1000, items: { ...STRING, maxLength: 100 } }, { rule: EXPENSIVE }) });
  const version = (name: string): object => ({ name, served: true, storage: name === 'v1', schema: { openAPIV3Schema: schema } });
  const other = { ...version('v3'), schema: { openAPIV3Schema: object({}) } };
  const costly = definition({});
  const withVersions = (...versions: object[]): object => ({ ...costly, spec: { ...(costly as { spec: object }).spec, versions } });
  const old = withVersions(version('v1'));
  assert.deepEqual(updateErrors(KIND, withVersions(version('v1'), version('v2'), other), old), []);
  assert.equal(updateErrors(KIND, withVersions(version('v1'), version('v2'), other), withVersions(version('v1'), other)).length, 1);
});
