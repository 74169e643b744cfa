import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors } from '../fixture.ts';

// Texts are those of apiextensions-apiserver v0.36 for the same definitions.
const AT = 'spec.validation.openAPIV3Schema';
const TEXT = { type: 'string' };

const errorsOf = (schemas: readonly object[], more: object = {}): readonly string[] =>
  createErrors('apiextensions.k8s.io/v1/CustomResourceDefinition', {
    metadata: { name: 'things.a.b' },
    spec: {
      group: 'a.b',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: schemas.map((openAPIV3Schema, i) => ({
        name: `v${i + 1}`,
        served: true,
        storage: i === 0,
        schema: { openAPIV3Schema },
        ...more,
      })),
    },
    status: { storedVersions: ['v1'], acceptedNames: { plural: '', kind: '' }, conditions: [] },
  });
const ofMembers = (properties: object): object => ({ type: 'object', properties });
const UNREADABLE = "must be a valid regular expression, but isn't: error parsing regexp:";

const CASES: readonly (readonly [name: string, schema: object, errors: readonly string[]])[] = [
  [
    'conditions about what the schema does not specify',
    {
      ...ofMembers({ a: TEXT }),
      anyOf: [{ required: ['a'] }, { properties: { b: { minLength: 1 } } }],
      not: { properties: { a: { items: { pattern: 'x' } } } },
    },
    [
      `${AT}.properties[a].items: Required value: because it is defined in ${AT}.not.properties[a].items`,
      `${AT}.properties[b]: Required value: because it is defined in ${AT}.anyOf[1].properties[b]`,
    ],
  ],
  [
    'patterns that are none',
    ofMembers({ a: { ...TEXT, pattern: '[' }, b: { ...TEXT, allOf: [{ pattern: '(?!x)' }] } }),
    [
      `${AT}.properties[a].pattern: Invalid value: "[": ${UNREADABLE} missing closing ]: \`[\``,
      `${AT}.properties[b].allOf[0].pattern: Invalid value: "(?!x)": ${UNREADABLE} invalid or unsupported Perl syntax: \`(?!\``,
    ],
  ],
  [
    'a default of false in a condition, where no further members are as good as none said',
    ofMembers({ a: { type: 'boolean', not: { default: false, additionalProperties: false } } }),
    [`${AT}.properties[a].not.default: Forbidden: must be undefined to be structural`],
  ],
  [
    'a keyword that is not supported, before anything about structure',
    ofMembers({ b: {}, a: {}, c: { patternProperties: { x: TEXT } } }),
    [`${AT}.properties[c].patternProperties: Forbidden: patternProperties is not supported`],
  ],
  [
    'a keyword that only structure refuses',
    ofMembers({ b: { ...TEXT, $schema: 'x' } }),
    [`${AT}: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`],
  ],
  [
    'an empty schema of further items',
    ofMembers({ b: { ...TEXT, additionalItems: {} } }),
    [`${AT}.properties[b].additionalItems: Forbidden: additionalItems is not supported`],
  ],
  [
    'defaults of other types than their places have',
    ofMembers({
      b: { ...TEXT, default: { x: 1 } },
      c: { 'x-kubernetes-int-or-string': true, default: {} },
      d: { type: 'array', items: TEXT, default: [1] },
    }),
    [
      `${AT}.properties[b].default: Invalid value: {"x":1}: must not have unknown fields`,
      `${AT}.properties[b].default: Invalid value: "object":  in body must be of type string: "object"`,
      `${AT}.properties[d].default.[0]: Invalid value: "integer": [0] in body must be of type string: "integer"`,
    ],
  ],
  [
    'several things, by their texts',
    ofMembers({ b: {}, a: {} }),
    ['a', 'b'].map((name) => `${AT}.properties[${name}].type: Required value: must not be empty for specified object fields`),
  ],
];

for (const [name, schema, errors] of CASES) {
  test(`validateDefinition tells of ${name}`, () => assert.deepEqual(errorsOf([schema]), errors));
}

test('validateDefinition shows a schema in the form that upstream keeps it in', () => {
  const [text = ''] = errorsOf([{ type: 'object', maxProperties: 3 }], { subresources: { status: {} } });
  const start = `${AT}: Invalid value: `;
  assert.ok(text.startsWith(start));
  const end = text.indexOf(': only [Description Type ');
  assert.ok(end > 0);
  const shown = text.slice(start.length, end);
  assert.ok(shown.startsWith('{"ID":"","Schema":"","Ref":null,"Description":"","Type":"object","Nullable":false,"Format":"","Title":"",'));
  assert.ok(shown.endsWith('"XListMapKeys":null,"XListType":null,"XMapType":null,"XValidations":null}'));
  assert.equal((JSON.parse(shown) as { readonly MaxProperties: number }).MaxProperties, 3);
});

test('validateDefinition looks for selectable fields that all versions have in the schema that all versions have', () => {
  const [one, other] = [ofMembers({ a: TEXT }), ofMembers({ a: TEXT, b: TEXT })];
  const selectable = { selectableFields: [{ jsonPath: '.a' }] };
  assert.deepEqual(errorsOf([one, one], selectable), []);
  assert.deepEqual(errorsOf([one, other], selectable), [
    'spec.selectableFields: Invalid value: "": may only be set when validations.schema is included',
  ]);
});
