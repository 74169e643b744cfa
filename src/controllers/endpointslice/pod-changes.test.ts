import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { followPods } from './pod-changes.ts';

const service = (name: string, app: string) => ({ metadata: { name, namespace: 'ns' }, spec: { selector: { app } } }) as unknown as Service;
const pod = (app: string, ready: boolean, more: object = {}) =>
  ({
    metadata: { name: 'p', namespace: 'ns', labels: { app }, ...more },
    spec: {},
    status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as unknown as Pod;
const without = (address: Pod): Pod => ({ ...address, status: { ...address.status, podIP: undefined } }) as unknown as Pod;

/** What is woken, `soon` marked with `!`. */
function woken(before: Pod | undefined, now: Pod | undefined): readonly string[] {
  const asked: string[] = [];
  const handlers: { added?: (pod: Pod) => void; updated?: (pod: Pod, previous: Pod) => void; deleted?: (pod: Pod) => void } = {};
  const services = [service('a', 'a'), service('b', 'b')];
  let keys: (of: Service) => readonly string[] = () => [];
  followPods({
    pods: { addHandlers: (given: typeof handlers) => void Object.assign(handlers, given) } as unknown as Informer<Pod>,
    services: {
      addIndex: (_: string, given: typeof keys) => void (keys = given),
      byIndex: (_: string, value: string) => services.filter((each) => keys(each).includes(value)),
    } as unknown as Informer<Service>,
    pace: { wake: (key, soon) => void asked.push(soon === true ? `${key}!` : key) },
  });
  if (before === undefined) handlers.added?.(now as Pod);
  else if (now === undefined) handlers.deleted?.(before);
  else handlers.updated?.(now, before);
  return asked;
}

for (const [name, before, now, want] of [
  ['comes', undefined, pod('a', false), ['ns/a']],
  ['becomes ready', pod('a', false), pod('a', true), ['ns/a']],
  ['comes without an address', undefined, without(pod('a', false)), []],
  ['is bound', without(pod('a', false)), without(pod('a', false, { labels: { app: 'a', bound: 'yes' } })), []],
  ['gets its address', without(pod('a', false)), pod('a', false), ['ns/a']],
  ['goes before it has an address', without(pod('a', false)), undefined, []],
  ['stays as it is for its endpoints', pod('a', true), pod('a', true, { annotations: { a: '1' } }), []],
  ['has ended', pod('a', false), { ...pod('a', false), status: { ...pod('a', false).status, phase: 'Failed' } } as Pod, ['ns/a']],
  ['gets a label nobody asks for', pod('a', true), pod('a', true, { labels: { app: 'a', more: 'b' } }), ['ns/a']],
  ['is ready no longer', pod('a', true), pod('a', false), ['ns/a!']],
  ['ends', pod('a', true), pod('a', true, { deletionTimestamp: '2026-01-01T00:00:00Z' }), ['ns/a!']],
  ['is gone, and served', pod('a', true), undefined, ['ns/a!']],
  ['is gone, and did not serve', pod('a', false), undefined, ['ns/a']],
  ['goes over to another Service', pod('a', true), pod('b', true), ['ns/a!', 'ns/b']],
  ['goes over, and never served', pod('a', false), pod('b', false), ['ns/a', 'ns/b']],
] as const) {
  test(`a pod that ${name} wakes ${want.join(' and ') || 'nobody'}`, () => assert.deepEqual(woken(before, now), want));
}
