// Users may give a resource, a key or a property any name, those of members that all objects inherit among them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { updateWarnings } from './warnings/warnings.ts';
import { createErrors, kindOf, objectOf, updateErrors } from './fixture.ts';

const INHERITED = ['constructor', 'toString', '__proto__'];
/** An own member whatever the name. */
const own = (name: string, value: unknown): object => Object.fromEntries([[name, value]]);
const podOf = (resources: object, spec: object = {}): object => ({ spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec } });
const definitionOf = (schema: object): object => ({
  metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: schema } } }],
  },
});

for (const name of INHERITED) {
  test(`a request of ${name} has no limit where none was given`, () => {
    const errors = createErrors('v1/Pod', podOf({ requests: own(name, '1'), limits: { cpu: '1' } }));
    assert.ok(errors.length > 0);
    for (const error of errors)
      assert.ok(error.startsWith(`spec.containers[0].resources.requests[${name}]: Invalid value: "${name}": `), error);
  });

  test(`a container that asks for ${name} asks for none of what the pod has`, () => {
    const errors = createErrors(
      'v1/Pod',
      podOf({ requests: own(name, '1'), limits: own(name, '1') }, { resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } }),
    );
    assert.ok(errors.length > 0);
    for (const error of errors) assert.match(error, /^spec\.containers\[0\]\.resources\.(?:requests|limits)\[/);
  });

  test(`${name} may be a key of a ConfigMap's data beside other binary data`, () => {
    assert.deepEqual(createErrors('v1/ConfigMap', { data: own(name, 'x'), binaryData: { other: 'YQ==' } }), []);
    assert.deepEqual(createErrors('v1/ConfigMap', { data: own(name, 'x'), binaryData: own(name, 'YQ==') }), [
      `data[${name}]: Invalid value: "${name}": duplicate of key present in binaryData`,
    ]);
  });

  test(`a request of ${name} that a resize takes away is missed`, () => {
    const removed = updateErrors(
      'v1/Pod',
      podOf({ requests: { cpu: '1' } }),
      podOf({ requests: { cpu: '1', ...own(name, '1') } }),
      'resize',
    );
    assert.ok(
      removed.includes('spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed'),
      removed.join('\n'),
    );
  });

  test(`${name} is no property of items that do not state it`, () => {
    const items = { type: 'object', properties: { a: { type: 'string' } } };
    const list = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [name], items };
    const errors = createErrors('apiextensions.k8s.io/v1/CustomResourceDefinition', definitionOf({ list }));
    assert.ok(
      errors.some((error) => error.endsWith('entries must all be names of item properties')),
      errors.join('\n'),
    );
  });

  test(`${name} is no type whose formats are known`, () => {
    const kind = kindOf('apiextensions.k8s.io/v1/CustomResourceDefinition');
    const definition = objectOf(kind, definitionOf({ a: { type: name, format: 'int32' } }));
    assert.deepEqual(updateWarnings(definition, objectOf(kind, definitionOf({})), kind), ['unrecognized format "int32"']);
  });
}
