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
  [
    'no version',
    definition({ versions: [] }, { storedVersions: [] }),
    [
      'spec.versions: Invalid value: null: must have exactly one version marked as storage version',
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ],
  ],
  [
    'a version that is no name',
    definition({ versions: [version({ name: 'V1' })] }, { storedVersions: ['V1'] }),
    ['spec.versions[0].name', 'spec.version'].map(
      (field) =>
        `${field}: Invalid value: "V1": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
    ),
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

const TYPED = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } };
const BAD_SCHEMAS: readonly (readonly [name: string, schema: object, errors: readonly string[]])[] = [
  [
    'a default that its own schema refuses',
    { type: 'object', properties: { a: { type: 'integer', default: 'x' } } },
    [`${AT}.properties[a].default: Invalid value: "string": ${''} in body must be of type integer: "string"`],
  ],
  [
    'a default with fields nobody knows',
    { type: 'object', properties: { a: { type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } } } },
    [`${AT}.properties[a].default: Invalid value: {"c":1}: must not have unknown fields`],
  ],
  [
    'a default inside metadata that no metadata can have',
    {
      type: 'object',
      properties: {
        a: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          properties: { metadata: { type: 'object', default: { name: 'a/b', unknown: 1 } } },
        },
      },
    },
    [
      `${AT}.properties[a].properties[metadata].default: Invalid value: {"name":"a/b","unknown":1}: must result in valid metadata: metadata.name: Invalid value: "a/b": may not contain '/'`,
    ],
  ],
  [
    'defaults that say of objects what none can say',
    {
      type: 'object',
      properties: {
        a: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          default: { apiVersion: 7, kind: 'K' },
          properties: { kind: { type: 'string', default: 7 }, metadata: { type: 'object', default: { labels: 7 } } },
        },
        b: {
          type: 'object',
          properties: { c: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } },
          default: { c: { apiVersion: 'v1', kind: 'K', metadata: 7 } },
        },
      },
    },
    [
      `${AT}.properties[a].default.apiVersion: Invalid value: 7: must be a string`,
      `${AT}.properties[a].properties[kind].default: Invalid value: 7: must result in valid metadata: kind: Invalid value: 7: must be a string`,
      `${AT}.properties[a].properties[metadata].default: Invalid value: {"labels":7}: must result in valid metadata: metadata: Invalid value: {"labels":7}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type map[string]string`,
      `${AT}.properties[b].default.c.metadata: Invalid value: 7: json: cannot unmarshal number into Go value of type v1.ObjectMeta`,
    ],
  ],
  [
    'a default of what every object has',
    { type: 'object', properties: { kind: { type: 'string', default: 'x' }, metadata: { type: 'object', default: { name: 'x' } } } },
    [
      `${AT}.properties[kind].default: Forbidden: must not be set in top-level kind`,
      `${AT}.properties[metadata].default: Forbidden: must not be set in top-level metadata`,
    ],
  ],
  [
    'what OpenAPI knows and definitions do not',
    { ...TYPED, patternProperties: { a: { type: 'string' } } },
    [`${AT}.patternProperties: Forbidden: patternProperties is not supported`],
  ],
  ['a root that may be null', { ...TYPED, nullable: true }, [`${AT}.nullable: Forbidden: nullable cannot be true at the root`]],
  [
    'rules without sense',
    {
      ...TYPED,
      'x-kubernetes-validations': [
        { rule: ' ' },
        { rule: 'true', message: 'a\nb' },
        { rule: 'true', fieldPath: '.c' },
        { rule: 'true', reason: 'Because' },
      ],
    },
    [
      `${AT}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
      `${AT}.x-kubernetes-validations[1].message: Invalid value: "a\\nb": must not contain line breaks`,
      `${AT}.x-kubernetes-validations[2].fieldPath: Invalid value: ".c": must be a valid path`,
      `${AT}.x-kubernetes-validations[3].reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
    ],
  ],
];

for (const [name, schema, expected] of BAD_SCHEMAS) {
  test(`validateCreate of a schema with ${name}`, () => {
    assert.deepEqual(createErrors('apiextensions.k8s.io/v1/CustomResourceDefinition', ofSchema(schema)), expected);
  });
}

for (const [path, error] of [
  ['.a', undefined],
  ['.c', 'is an invalid path: does not refer to a valid field'],
  [".['a']", 'is an invalid path: does not refer to a valid field'],
  ["['a']", 'is an invalid path: array notation is not allowed'],
  ['.o', 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'],
] as const) {
  test(`validateCreate of a selectable field ${path}`, () => {
    const schema = { openAPIV3Schema: { ...TYPED, properties: { ...TYPED.properties, o: { type: 'object' } } } };
    const errors = createErrors(
      'apiextensions.k8s.io/v1/CustomResourceDefinition',
      definition({ versions: [version({ schema, selectableFields: [{ jsonPath: path }] })] }),
    );
    const at = `spec.selectableFields[0].jsonPath: Invalid value: ${JSON.stringify(path)}`;
    assert.deepEqual(errors, error === undefined ? [] : [`${at}: ${error}`]);
  });
}

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

const list = (listType: string, items: object, more: object = {}): object => ({
  type: 'object',
  properties: { a: { type: 'array', 'x-kubernetes-list-type': listType, items, ...more } },
});
const keyed = { 'x-kubernetes-list-map-keys': ['k'] };
const webhook = (versions: readonly string[]): object => ({
  conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: 'https://a.example.com' }, conversionReviewVersions: versions } },
});

/** What is wrong of a new definition, and may stay where it was so before. */
const RATCHETED: readonly (readonly [name: string, spec: object, errors: readonly string[]])[] = [
  [
    'a type that is none',
    { versions: [version({ schema: { openAPIV3Schema: { type: 'object', properties: { a: { type: 'bogus' } } } } })] },
    [`${AT}.properties[a].type: Unsupported value: "bogus": supported values: "array", "boolean", "integer", "number", "object", "string"`],
  ],
  [
    'sets of maps that are not atomic',
    { versions: [version({ schema: { openAPIV3Schema: list('set', { type: 'object' }) } })] },
    [
      `${AT}.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
  ],
  [
    'keys that items may lack',
    { versions: [version({ schema: { openAPIV3Schema: list('map', { type: 'object', properties: { k: { type: 'string' } } }, keyed) } })] },
    [
      `${AT}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  ],
  [
    'items of a set that may be null',
    { versions: [version({ schema: { openAPIV3Schema: list('set', { type: 'string', nullable: true }) } })] },
    [`${AT}.properties[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set`],
  ],
  [
    'defaults with fields nobody knows',
    {
      versions: [
        version({
          schema: { openAPIV3Schema: { type: 'object', properties: { a: { type: 'object', properties: {}, default: { c: 1 } } } } },
        }),
      ],
    },
    [`${AT}.properties[a].default: Invalid value: {"c":1}: must not have unknown fields`],
  ],
  [
    'reviews of a conversion in no known version',
    webhook(['v9']),
    ['spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1'],
  ],
  [
    'a version that is not served and has no schema',
    { versions: [version(), version({ name: 'v2', storage: false, served: false, schema: undefined })] },
    ['spec.versions[1].schema.openAPIV3Schema: Required value'],
  ],
];

for (const [name, spec, errors] of RATCHETED) {
  test(`a definition with ${name} is refused, unless it had that before`, () => {
    const kind = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
    const status = { storedVersions: ['v1'] };
    const bad = definition(spec, status);
    assert.deepEqual(createErrors(kind, bad), errors);
    assert.deepEqual(updateErrors(kind, bad, definition({}, status)), errors);
    assert.deepEqual(updateErrors(kind, bad, bad), []);
  });
}

test('a schema that is not structural may stay while unknown fields are kept and nothing needs it to be', () => {
  const kind = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
  const status = { storedVersions: ['v1'] };
  const loose = (schema: object, more: object = {}): object =>
    definition({ preserveUnknownFields: true, versions: [version({ schema: { openAPIV3Schema: schema } })], ...more }, status);
  const untyped = { type: 'object', properties: { a: {} } };
  assert.deepEqual(updateErrors(kind, loose({ ...untyped, properties: { a: {}, b: {} } }), loose(untyped)), []);
  const missing = `${AT}.properties[a].type: Required value: must not be empty for specified object fields`;
  assert.deepEqual(updateErrors(kind, loose(untyped, { preserveUnknownFields: false }), loose(untyped)), [missing]);
  const withDefault = { type: 'object', properties: { a: {}, b: { type: 'string', default: 'x' } } };
  assert.deepEqual(updateErrors(kind, loose(withDefault), loose(untyped)), [
    'spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema',
    missing,
  ]);
});

test('a definition that was stored without its defaults can be changed', () => {
  const kind = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
  const established = { storedVersions: ['v1'], conditions: [{ type: 'Established', status: 'True' }] };
  const bare = definition({ conversion: undefined }, established);
  assert.deepEqual(updateErrors(kind, definition({}, established), bare), []);
});
