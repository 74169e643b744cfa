import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { clusterOf, node, pod, refusals, scoresOf } from '../testing.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';

const NEAR = "node(s) didn't match pod affinity rules";
const AWAY = "node(s) didn't match pod anti-affinity rules";
const UNWANTED = "node(s) didn't satisfy existing pods anti-affinity rules";

const plugin = interPodAffinity((namespace) => (namespace === 'other' ? { team: 'x' } : {}));
const nodes = [
  node('a1', { metadata: { labels: { zone: 'a' } } }),
  node('a2', { metadata: { labels: { zone: 'a' } } }),
  node('b1', { metadata: { labels: { zone: 'b' } } }),
  node('none'),
];

type Kind = 'podAffinity' | 'podAntiAffinity';
const term = (app: string, more: object = {}) => ({ topologyKey: 'zone', labelSelector: { matchLabels: { app } }, ...more });
const requiring = (kind: Kind, ...terms: readonly object[]) =>
  ({ affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } } }) as unknown as Pod['spec'];
const preferring = (kind: Kind, weight: number, podAffinityTerm: object) =>
  ({ affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } } }) as unknown as Pod['spec'];
const app = (name: string, on: string, spec: object = {}, namespace = 'ns') =>
  pod(name, {}, { ...(on === '' ? {} : { nodeName: on }), ...spec }, { metadata: { labels: { app: name }, namespace } });

for (const c of [
  {
    name: 'goes near the pods it wants',
    pod: app('p', '', requiring('podAffinity', term('db'))),
    placed: [app('db', 'a1')],
    refused: { a1: '', a2: '', b1: NEAR, none: NEAR },
  },
  {
    name: 'goes nowhere when none is there',
    pod: app('p', '', requiring('podAffinity', term('db'))),
    placed: [],
    refused: { a1: NEAR, a2: NEAR, b1: NEAR, none: NEAR },
  },
  {
    name: 'may begin a group of its own',
    pod: app('p', '', requiring('podAffinity', term('p'))),
    placed: [],
    refused: { a1: '', a2: '', b1: '', none: NEAR },
  },
  {
    name: 'wants all terms of one pod',
    pod: app('p', '', requiring('podAffinity', term('db'), term('web'))),
    placed: [app('db', 'a1'), app('web', 'b1')],
    refused: { a1: NEAR, a2: NEAR, b1: NEAR, none: NEAR },
  },
  {
    name: 'stays away',
    pod: app('p', '', requiring('podAntiAffinity', term('db'))),
    placed: [app('db', 'a1')],
    refused: { a1: AWAY, a2: AWAY, b1: '', none: '' },
  },
  {
    name: 'is kept away by pods that want so',
    pod: app('p', ''),
    placed: [app('db', 'a1', requiring('podAntiAffinity', term('p')))],
    refused: { a1: UNWANTED, a2: UNWANTED, b1: '', none: '' },
  },
  {
    name: 'means its own namespace',
    pod: app('p', '', requiring('podAntiAffinity', term('db'))),
    placed: [app('db', 'a1', {}, 'other')],
    refused: { a1: '', a2: '', b1: '', none: '' },
  },
  {
    name: 'means the namespaces it names',
    pod: app('p', '', requiring('podAntiAffinity', term('db', { namespaces: ['other'] }))),
    placed: [app('db', 'a1', {}, 'other')],
    refused: { a1: AWAY, a2: AWAY, b1: '', none: '' },
  },
  {
    name: 'means namespaces by their labels',
    pod: app('p', '', requiring('podAntiAffinity', term('db', { namespaceSelector: { matchLabels: { team: 'x' } } }))),
    placed: [app('db', 'a1', {}, 'other')],
    refused: { a1: AWAY, a2: AWAY, b1: '', none: '' },
  },
  {
    name: 'means every namespace by an empty selector',
    pod: app('p', '', requiring('podAntiAffinity', term('db', { namespaceSelector: {} }))),
    placed: [app('db', 'a1', {}, 'third')],
    refused: { a1: AWAY, a2: AWAY, b1: '', none: '' },
  },
]) {
  test(`InterPodAffinity: a pod ${c.name}`, () => {
    assert.deepEqual(refusals(plugin, c.pod, clusterOf(nodes, c.placed)), c.refused);
  });
}

for (const c of [
  {
    name: 'prefers to be near',
    pod: app('p', '', preferring('podAffinity', 5, term('db'))),
    placed: [app('db', 'a1')],
    scores: { a1: 100, a2: 100, b1: 0, none: 0 },
  },
  {
    name: 'prefers to be away',
    pod: app('p', '', preferring('podAntiAffinity', 5, term('db'))),
    placed: [app('db', 'a1')],
    scores: { a1: 0, a2: 0, b1: 100, none: 100 },
  },
  {
    name: 'is drawn by pods that require it',
    pod: app('p', ''),
    placed: [app('db', 'b1', requiring('podAffinity', term('p')))],
    scores: { a1: 0, a2: 0, b1: 100, none: 0 },
  },
  {
    name: 'is drawn by pods that prefer it',
    pod: app('p', ''),
    placed: [app('db', 'b1', preferring('podAffinity', 3, term('p')))],
    scores: { a1: 0, a2: 0, b1: 100, none: 0 },
  },
  { name: 'without a word of others has no scores', pod: app('p', ''), placed: [app('db', 'b1')], scores: undefined },
]) {
  test(`InterPodAffinity: a pod ${c.name}`, () => assert.deepEqual(scoresOf(plugin, c.pod, clusterOf(nodes, c.placed)), c.scores));
}

test('InterPodAffinity leaves out what others prefer only for pods that prefer nothing themselves', () => {
  const aloof = interPodAffinity(() => ({}), { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: true });
  const cluster = clusterOf(nodes, [app('db', 'a1', preferring('podAffinity', 10, term('p'))), app('web', 'b1')]);
  assert.equal(scoresOf(aloof, app('p', ''), cluster), undefined);
  const choosy = app('p', '', preferring('podAffinity', 5, term('web')));
  assert.deepEqual(scoresOf(aloof, choosy, cluster), { a1: 100, a2: 100, b1: 50, none: 0 });
});

for (const c of [
  {
    name: 'a wanted pod was placed',
    pod: app('p', '', requiring('podAffinity', term('db'))),
    previous: undefined,
    current: app('db', 'a1'),
    hint: 'queue',
  },
  {
    name: 'another pod was placed',
    pod: app('p', '', requiring('podAffinity', term('db'))),
    previous: undefined,
    current: app('web', 'a1'),
    hint: 'skip',
  },
  {
    name: 'an unwanted pod left',
    pod: app('p', '', requiring('podAntiAffinity', term('db'))),
    previous: app('db', 'a1'),
    current: undefined,
    hint: 'queue',
  },
  {
    name: 'a pod left that kept it away',
    pod: app('p', ''),
    previous: app('db', 'a1', requiring('podAntiAffinity', term('p'))),
    current: undefined,
    hint: 'queue',
  },
  {
    name: 'a pod left that one of its terms kept it away from',
    pod: app('p', '', requiring('podAntiAffinity', term('web'), term('db'))),
    previous: app('db', 'a1'),
    current: undefined,
    hint: 'queue',
  },
  {
    name: 'a pod became one that it may be beside',
    pod: app('p', '', requiring('podAntiAffinity', term('web'), term('db'))),
    previous: app('db', 'a1'),
    current: app('cache', 'a1'),
    hint: 'queue',
  },
  {
    name: 'an unwanted pod of a namespace with a label left',
    pod: app('p', '', requiring('podAntiAffinity', term('db', { namespaceSelector: { matchLabels: { team: 'x' } } }))),
    previous: { ...app('db', 'a1'), metadata: { ...app('db', 'a1').metadata, namespace: 'other' } },
    current: undefined,
    hint: 'queue',
  },
  {
    name: 'a pod was placed that meets only one of its terms',
    pod: app('p', '', requiring('podAffinity', term('web'), term('db'))),
    previous: undefined,
    current: app('db', 'a1'),
    hint: 'skip',
  },
  { name: 'another pod left', pod: app('p', ''), previous: app('db', 'a1'), current: undefined, hint: 'skip' },
]) {
  test(`InterPodAffinity answers ${c.hint} when ${c.name}`, () => {
    const hint = plugin.events?.find(({ event }) => event.resource === 'Pod')?.hint;
    assert.equal(hint?.(c.pod, c.previous, c.current), c.hint);
  });
}
