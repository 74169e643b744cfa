import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors } from '../fixture.ts';

const PREFIX = 'scheduler.alpha.kubernetes.io';
const annotated = (key: string, value: unknown): readonly string[] =>
  createErrors('v1/Node', {
    metadata: { annotations: { [`${PREFIX}/${key}`]: typeof value === 'string' ? value : JSON.stringify(value) } },
  });
const avoiding = (...entries: readonly unknown[]): readonly string[] => annotated('preferAvoidPods', { preferAvoidPods: entries });
const SIGNATURE = `metadata.annotations.${PREFIX}/preferAvoidPods[0].PodSignature`;

test('the pods that a node would rather avoid are told by their controller', () => {
  assert.deepEqual(avoiding({ podSignature: { podController: { kind: 'ReplicationController', name: 'a', controller: true } } }), []);
  assert.deepEqual(annotated('preferAvoidPods', ''), []);
  assert.deepEqual(annotated('preferAvoidPods', {}), []);
  for (const none of [null, {}, { podSignature: {} }, { podSignature: null }])
    assert.deepEqual(avoiding(none), [`${SIGNATURE}: Required value`]);
  assert.deepEqual(avoiding({ podSignature: { podController: { controller: false } } }), [
    `${SIGNATURE}.PodController.Controller: Invalid value: false: must point to a controller`,
  ]);
});

test('annotations of a node whose JSON is of another type are told as Go does', () => {
  assert.deepEqual(annotated('taints', {}), [
    `metadata.annotations: Invalid value: "${PREFIX}/taints": json: cannot unmarshal object into Go value of type []core.Taint`,
  ]);
  assert.deepEqual(annotated('taints', null), []);
  for (const [taint, why] of [
    [1, 'number into Go value of type core.Taint'],
    [{ key: 1 }, 'number into Go struct field Taint.Key of type string'],
    [{ effect: ['x'] }, 'array into Go struct field Taint.Effect of type core.TaintEffect'],
  ])
    assert.deepEqual(annotated('taints', [null, taint]), [
      `metadata.annotations: Invalid value: "${PREFIX}/taints": json: cannot unmarshal ${why}`,
    ]);
  assert.deepEqual(annotated('preferAvoidPods', []), [
    `metadata.annotations.AvoidPods: Invalid value: "${PREFIX}/preferAvoidPods": json: cannot unmarshal array into Go value of type v1.AvoidPods`,
  ]);
});

test('a taint or a toleration that is null in an annotation is an empty one', () => {
  const at = `metadata.annotations.${PREFIX}`;
  const unnamed =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  for (const taint of [null, {}, { key: null, effect: null }])
    assert.deepEqual(annotated('taints', [taint]), [
      `${at}/taints[0].key: Invalid value: "": name part must be non-empty`,
      `${at}/taints[0].key: Invalid value: "": ${unnamed}`,
      `${at}/taints[0].effect: Required value`,
    ]);
  const tolerating = (toleration: unknown): readonly string[] =>
    createErrors('v1/Pod', {
      metadata: { annotations: { [`${PREFIX}/tolerations`]: JSON.stringify([toleration]) } },
      spec: {
        containers: [{ name: 'c', image: 'i', terminationMessagePolicy: 'File' }],
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
      },
    }).filter((error) => error.startsWith('metadata'));
  for (const toleration of [null, {}, { operator: null, effect: null }])
    assert.deepEqual(tolerating(toleration), [
      `${at}/tolerations[0].operator: Invalid value: "": operator must be Exists when \`key\` is empty, which means "match all values and all keys"`,
    ]);
  assert.deepEqual(tolerating({ key: 1 }), [
    `metadata.annotations: Invalid value: "${PREFIX}/tolerations": json: cannot unmarshal number into Go struct field Toleration.Key of type string`,
  ]);
});
