import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors, updateErrors } from '../fixture.ts';

const SCHEMA = { type: 'object', properties: { spec: { type: 'object' } } };
const version = (more: object = {}): object => ({ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: SCHEMA }, ...more });
const definition = (
  spec: object = {},
  status: object = { storedVersions: ['v1'], acceptedNames: { plural: '', kind: '' }, conditions: [] },
): object => ({
  metadata: { name: 'things.a.b' },
  spec: { group: 'a.b', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [version()], ...spec },
  status,
});
const ofSchema = (schema: object): object => definition({ versions: [version({ schema: { openAPIV3Schema: schema } })] });
const AT = 'spec.validation.openAPIV3Schema';

const CREATE: readonly (readonly [name: string, object: object, errors: readonly string[]])[] = [
  ['a whole definition', definition(), []],
  ['another name', definition({ group: 'c.d' }), ['metadata.name: Invalid value: "things.a.b": must be spec.names.plural+"."+spec.group']],
  [
    'a protected group',
    { ...definition({ group: 'x.k8s.io' }), metadata: { name: 'things.x.k8s.io' } },
    [
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ],
  ],
  [
    'a kind that is its list',
    definition({ names: { plural: 'things', kind: 'Thing', listKind: 'Thing' } }),
    ['spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same'],
  ],
  [
    'no schema',
    definition({ versions: [{ name: 'v1', served: true, storage: true }] }),
    ['spec.versions[0].schema.openAPIV3Schema: Required value'],
  ],
  ['a root that is no object', ofSchema({ type: 'string' }), [`${AT}.type: Invalid value: "string": must be object at the root`]],
  [
    'a field without a type',
    ofSchema({ type: 'object', properties: { spec: {} } }),
    [`${AT}.properties[spec].type: Required value: must not be empty for specified object fields`],
  ],
  [
    'a list without items',
    ofSchema({ type: 'object', properties: { a: { type: 'array' } } }),
    [`${AT}.properties[a].items: Required value: must be specified`],
  ],
  [
    'a list whose keys may be missing',
    ofSchema({
      type: 'object',
      properties: {
        a: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
          items: { type: 'object', properties: { k: { type: 'string' } } },
        },
      },
    }),
    [
      `${AT}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  ],
  [
    'a branch with a type',
    ofSchema({ type: 'object', oneOf: [{ type: 'object' }] }),
    [`${AT}.oneOf[0].type: Forbidden: must be empty to be structural`],
  ],
  [
    'a number or a text',
    ofSchema({
      type: 'object',
      properties: { p: { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true } },
    }),
    [],
  ],
  [
    'a scale path elsewhere',
    definition({ versions: [version({ subresources: { scale: { specReplicasPath: '.status.n', statusReplicasPath: '.status.n' } } })] }),
    ['spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec'],
  ],
];

for (const [name, object, expected] of CREATE) {
  test(`validateCreate of ${name}`, () => {
    assert.deepEqual(createErrors('apiextensions.k8s.io/v1/CustomResourceDefinition', object), expected);
  });
}

test('validateUpdate keeps the names of an established definition', () => {
  const established = {
    storedVersions: ['v1'],
    acceptedNames: { plural: '', kind: '' },
    conditions: [{ type: 'Established', status: 'True' }],
  };
  const errors = updateErrors(
    'apiextensions.k8s.io/v1/CustomResourceDefinition',
    definition({ scope: 'Cluster' }, established),
    definition({}, established),
  );
  assert.deepEqual(errors, ['spec.scope: Invalid value: "Cluster": field is immutable']);
});

test('validateUpdate keeps a stored version', () => {
  const errors = updateErrors(
    'apiextensions.k8s.io/v1/CustomResourceDefinition',
    definition(
      { versions: [version({ name: 'v2' })] },
      { storedVersions: ['v1', 'v2'], acceptedNames: { plural: '', kind: '' }, conditions: [] },
    ),
    definition(),
  );
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions;/);
});
