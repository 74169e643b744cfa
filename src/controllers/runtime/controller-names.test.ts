import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROLLERS } from '../controllers.ts';
import { isControllerEnabled, isKnownController, unknownControllers } from './controller-names.ts';

test('every controller has a name that upstream knows', () => {
  assert.deepEqual(
    CONTROLLERS.map(({ name }) => name).filter((name) => !isKnownController(name)),
    [],
  );
});

for (const [selection, on, off] of [
  [['*'], ['job-controller', 'ttl-controller'], ['token-cleaner-controller', 'bootstrap-signer-controller']],
  [['*', 'tokencleaner', '-job-controller'], ['token-cleaner-controller', 'ttl-controller'], ['job-controller']],
  [['*', '-job'], ['cronjob-controller'], ['job-controller']],
  [['deployment', 'replicaset-controller'], ['deployment-controller', 'replicaset-controller'], ['job-controller']],
  [['job', '-job'], ['job-controller'], ['ttl-controller']],
  [[], [], ['job-controller']],
] as const) {
  test(`isControllerEnabled with ${selection.join(',')}`, () => {
    for (const name of on) assert.equal(isControllerEnabled(name, selection), true, name);
    for (const name of off) assert.equal(isControllerEnabled(name, selection), false, name);
  });
}

test('unknownControllers names what is none', () => {
  assert.deepEqual(unknownControllers(['*', '-job', 'nodeipam', 'jobs', '-rubbish', '-*']), ['jobs', 'rubbish']);
});
