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
  assert.deepEqual(annotated('preferAvoidPods', []), [
    `metadata.annotations.AvoidPods: Invalid value: "${PREFIX}/preferAvoidPods": json: cannot unmarshal array into Go value of type v1.AvoidPods`,
  ]);
});
