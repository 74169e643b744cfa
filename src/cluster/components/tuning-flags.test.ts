import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { DEFAULT_TUNING } from '#controllers/runtime/tuning.ts';
import { CommandError } from '../commands/command-error.ts';
import { Flags, type FlagValues } from './flags.ts';
import { TUNING_FLAGS, tuningOf } from './tuning-flags.ts';

const given = (values: FlagValues = {}) => tuningOf(new Flags('controller-manager', { kubeconfig: 'f', 'root-ca-file': 'f', ...values }));

test('tuningOf without flags gives upstream’s defaults', () => assert.deepEqual(given(), DEFAULT_TUNING));

test('every flag of a number of workers is for a controller that there is', () => {
  const flags = TUNING_FLAGS.filter(({ name }) => name.includes('concurrent-'));
  const { workers } = given(Object.fromEntries(flags.map(({ name }) => [name, '7'])));
  assert.equal(Object.keys(workers).length, flags.length);
  for (const [name, count] of Object.entries(workers)) {
    assert.equal(count, 7);
    assert.ok(
      CONTROLLERS.some((controller) => controller.name === name),
      name,
    );
  }
});

test('tuningOf keeps all ended pods for a threshold of 0', () =>
  assert.equal(given({ 'terminated-pod-gc-threshold': '0' }).terminatedPods, Infinity));

for (const [name, value, message] of [
  ['node-monitor-grace-period', 'soon', '--node-monitor-grace-period soon is no time such as 15s'],
  ['horizontal-pod-autoscaler-tolerance', 'x', '--horizontal-pod-autoscaler-tolerance x is no number'],
  ['max-endpoints-per-slice', '1001', 'max-endpoints-per-slice cannot be more than 1000'],
  ['concurrent-job-syncs', '0', 'concurrent-job-syncs must be greater than 0, but got 0'],
] as const) {
  test(`tuningOf refuses ${name} ${value}`, () => assert.throws(() => given({ [name]: value }), new CommandError(message)));
}
