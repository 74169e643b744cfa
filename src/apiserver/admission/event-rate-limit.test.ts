import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events } from '#api/resources.ts';
import type { Event, New } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { type EventLimit, eventRateLimit } from './event-rate-limit.ts';
import { write } from './testing.ts';

function setUp(limits: readonly EventLimit[]) {
  let at = 0;
  const plugin = eventRateLimit(limits, { clock: { ...systemClock, monotonic: () => at } });
  /** The refusal, or undefined. */
  const post = (namespace: string, user = 'jane', about = 'pod'): string | undefined => {
    const object = {
      metadata: { name: 'e', namespace },
      involvedObject: { kind: 'Pod', namespace, name: about },
      source: { component: 'c' },
    };
    try {
      void plugin.validate(write(events, { object: object as New<Event>, user: { name: user, groups: [] } }));
      return undefined;
    } catch (error) {
      assert.ok(isStatusError(error, 'TooManyRequests'));
      return error.message;
    }
  };
  return { post, pass: (ms: number) => void (at += ms) };
}

test('EventRateLimit takes a burst of the whole server, and then as many as come back', () => {
  const { post, pass } = setUp([{ type: 'Server', qps: 2, burst: 3 }]);
  for (const namespace of ['a', 'b', 'c']) assert.equal(post(namespace), undefined);
  assert.equal(post('d'), 'Too many requests: limit reached on type Server for key ');
  pass(500);
  assert.equal(post('a'), undefined);
  assert.match(post('a') ?? '', /type Server/);
});

for (const [type, other, key] of [
  ['Namespace', ['b', 'jane', 'pod'], 'a'],
  ['User', ['a', 'joe', 'pod'], 'jane'],
  ['SourceAndObject', ['a', 'jane', 'another'], 'cPodapod'],
] as const) {
  test(`EventRateLimit tells a ${type} from another`, () => {
    const { post } = setUp([{ type, qps: 1, burst: 1 }]);
    assert.equal(post('a'), undefined);
    assert.equal(post('a'), `Too many requests: limit reached on type ${type} for key ${key}`);
    const [namespace, user, about] = other;
    assert.equal(post(namespace, user, about), undefined);
  });
}

test('EventRateLimit forgets who has been silent for longest, and counts each event by every limit', () => {
  const { post } = setUp([
    { type: 'Namespace', qps: 1, burst: 1, cacheSize: 2 },
    { type: 'Server', qps: 1, burst: 4 },
  ]);
  for (const namespace of ['a', 'b', 'c', 'a']) assert.equal(post(namespace), undefined);
  assert.match(post('d') ?? '', /type Server/);
});
