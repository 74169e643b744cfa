import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { container, pod } from '../testing/pods.ts';
import { allocationOf } from './allocation-plan.ts';
import { inResizeOrder, type WaitingResize } from './resize-order.ts';

const asking = (name: string, cpu: string, how: { readonly priority?: number; readonly limited?: boolean } = {}): Pod => {
  const amounts = { cpu, memory: '64Mi' };
  const resources = { requests: amounts, ...(how.limited === true ? { limits: amounts } : {}) };
  const qosClass = how.limited === true ? 'Guaranteed' : 'Burstable';
  const spec = { containers: [container('app', { resources })], ...(how.priority === undefined ? {} : { priority: how.priority }) };
  return pod({ name, spec, status: { qosClass } });
};
/** Each has one CPU. */
const waits = (...pods: readonly Pod[]): readonly WaitingResize[] =>
  pods.map((each) => ({ pod: each, allocation: allocationOf(asking('', '1')) }));
const names = (pods: readonly Pod[]): readonly string[] => pods.map(({ metadata: { name } }) => name);

for (const [name, waiting, order] of [
  ['who asks for less', waits(asking('more', '2', { priority: 9 }), asking('less', '500m')), ['less', 'more']],
  ['who has the higher priority', waits(asking('low', '2', { limited: true }), asking('high', '2', { priority: 9 })), ['high', 'low']],
  ['a guaranteed pod', waits(asking('burstable', '2'), asking('guaranteed', '2', { limited: true })), ['guaranteed', 'burstable']],
  ['who waits longest', waits(asking('b', '2'), asking('a', '2')), ['b', 'a']],
] as const) {
  test(`inResizeOrder lets ${name} go first`, () => assert.deepEqual(names(inResizeOrder(waiting)), order));
}
