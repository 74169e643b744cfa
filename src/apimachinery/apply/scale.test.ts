import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parentManagedFields, scaleManagedFields } from './scale.ts';

const PATHS = { 'apps/v1': ['f:spec', 'f:replicas'], 'apps/v1beta1': null };
const entry = (manager: string, operation: string, fieldsV1: object, more: object = {}): object => ({
  manager,
  operation,
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...more,
});
const REPLICAS = { 'f:spec': { 'f:replicas': {} } };
const MORE = { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } };

test('scaleManagedFields keeps the owners of the replicas', () => {
  const parent = [entry('a', 'Apply', MORE, { time: '2026-01-01T00:00:00Z' }), entry('b', 'Update', { 'f:spec': { 'f:selector': {} } })];
  assert.deepEqual(scaleManagedFields(parent, PATHS), [
    entry('a', 'Apply', REPLICAS, { apiVersion: 'autoscaling/v1', time: '2026-01-01T00:00:00Z' }),
  ]);
});

test('parentManagedFields moves the replicas to who wrote the scale', () => {
  const parent = [entry('a', 'Apply', MORE)];
  const scale = [entry('hpa', 'Update', REPLICAS, { apiVersion: 'autoscaling/v1', subresource: 'scale' })];
  assert.deepEqual(parentManagedFields(parent, scale, { paths: PATHS, apiVersion: 'apps/v1' }), [
    entry('a', 'Apply', { 'f:spec': { 'f:selector': {} } }),
    entry('hpa', 'Update', REPLICAS, { subresource: 'scale' }),
  ]);
});

test('parentManagedFields leaves an applier of both what it has', () => {
  const parent = [entry('a', 'Apply', MORE)];
  const scale = [entry('a', 'Apply', REPLICAS, { apiVersion: 'autoscaling/v1' })];
  assert.deepEqual(parentManagedFields(parent, scale, { paths: PATHS, apiVersion: 'apps/v1' }), parent);
});
