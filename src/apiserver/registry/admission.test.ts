import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configmaps } from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import type { MutatingPlugin } from '../admission/contract.ts';
import { AdmissionMetrics } from '../admission/metrics.ts';
import { write } from '../admission/testing.ts';
import { AdmissionRunner } from './admission.ts';
import { withMetadata } from './metadata.ts';

const entry = { manager: 'one', operation: 'Update' as const, apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': {} } };
const given = { metadata: { name: 'a', namespace: 'ns', managedFields: [entry] } };
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };

function running(change: Parameters<typeof withMetadata>[1], clock = new ManualClock()): AdmissionRunner {
  const plugin: MutatingPlugin = {
    name: 'Change',
    operations: ['CREATE'],
    admit: ({ object }) => withMetadata(object as KubeObject, change),
  };
  return new AdmissionRunner({ mutating: [plugin], validating: [] }, clock, new AdmissionMetrics());
}

describe('AdmissionRunner', () => {
  test('names an owner once that plugins added twice', async () => {
    const warned: string[] = [];
    const object = await running({ ownerReferences: [owner, owner] }).mutate(write(configmaps, { object: given, warned }));
    assert.deepEqual(object?.metadata.ownerReferences, [owner]);
    assert.match(warned[0] as string, /^\.metadata\.ownerReferences contains duplicate entries after mutating admission happens; .*: u$/);
  });

  test('goes back to the owners of fields that plugins have spoilt', async () => {
    const warned: string[] = [];
    const spoilt = [{ ...entry, fieldsType: 'FieldsV2' }];
    const object = await running({ managedFields: spoilt }).mutate(write(configmaps, { object: given, warned }));
    assert.deepEqual(object?.metadata.managedFields, [entry]);
    assert.deepEqual(warned, [
      '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: invalid fieldsType "FieldsV2" in managed fields entry 0',
    ]);
  });

  test('takes owners of fields that are well formed', async () => {
    const warned: string[] = [];
    const other = [{ ...entry, manager: 'two' }];
    const object = await running({ managedFields: other }).mutate(write(configmaps, { object: given, warned }));
    assert.deepEqual([object?.metadata.managedFields, warned], [other, []]);
  });

  test('refuses a write whose plugin does not get ready in ten seconds', async () => {
    const clock = new ManualClock();
    const plugin: MutatingPlugin = {
      name: 'Late',
      operations: ['CREATE'],
      ready: () => new Promise(() => {}),
      admit: () => undefined,
    };
    const refused = new AdmissionRunner({ mutating: [plugin], validating: [] }, clock, new AdmissionMetrics())
      .mutate(write(configmaps, { object: given }))
      .catch((error: unknown) => error);
    clock.advance(10_000);
    const error = await refused;
    assert.ok(isStatusError(error, 'Forbidden'));
    assert.equal(error.message, 'configmaps "a" is forbidden: not yet ready to handle request');
  });
});
