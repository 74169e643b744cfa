import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { isPodAvailable, isPodTerminal } from '#api/pods.ts';
import type { DaemonSet, Node, Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { newDaemonPod, suits, targetNode } from './daemon-pod.ts';
import { FailedPods } from './failures.ts';
import { type Observed, type Plan, planDaemonSet } from './plan.ts';
import { daemonSetStatus } from './status.ts';

const NOW = Date.UTC(2026, 0, 1);

const daemonSet = (spec: object = {}, podSpec: object = {}): DaemonSet =>
  ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', namespace: 'ns', uid: 'ds', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image: 'v1' }], ...podSpec } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
      ...spec,
    },
    status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  }) as unknown as DaemonSet;

const node = (name: string, taints: Node['spec']['taints'] = []): Node =>
  ({ metadata: { name, labels: { zone: 'a' } }, spec: { taints }, status: {} }) as unknown as Node;

type State = 'new' | 'ready' | 'unready' | 'Failed' | 'Succeeded' | 'going';

const pod = (name: string, on: string, hash: string, state: State, created = NOW): Pod =>
  ({
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      creationTimestamp: formatTime(created),
      labels: { app: 'agent', 'controller-revision-hash': hash },
      ...(state === 'going' ? { deletionTimestamp: formatTime(NOW) } : {}),
    },
    spec: { nodeName: on },
    status: {
      phase: state === 'Failed' || state === 'Succeeded' ? state : state === 'new' ? 'Pending' : 'Running',
      conditions: state === 'ready' ? [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(NOW) }] : [],
    },
  }) as unknown as Pod;

const observed = (ds: DaemonSet, nodes: readonly Node[], pods: readonly Pod[], backoff = 0): Observed => ({
  ds,
  nodes,
  pods,
  hash: 'h2',
  now: NOW,
  backoff: () => backoff,
});

const brief = (plan: Plan): string =>
  [...plan.create.map((name) => `+${name}`), ...plan.delete.map(({ pod: victim }) => `-${victim.metadata.name}`)].join(' ');

const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' } as const;
const TEAM = { key: 'team', value: 'x', effect: 'NoSchedule' } as const;
const LEAVE = { key: 'team', value: 'x', effect: 'NoExecute' } as const;
const surge = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } };
const wide = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%', maxSurge: 0 } } };
const three = [node('a'), node('b'), node('c')];
const old = (state: State = 'ready') => [pod('a1', 'a', 'h1', state), pod('b1', 'b', 'h1', 'ready'), pod('c1', 'c', 'h1', 'ready')];

for (const [name, want, ds, nodes, pods] of [
  ['puts one on every node', '+a +b +c', daemonSet(), three, []],
  ['goes to a node that is not ready', '+a', daemonSet(), [node('a', [NOT_READY])], []],
  ['keeps off a node whose taint it does not tolerate', '', daemonSet(), [node('a', [TEAM])], []],
  ['stays where it is when such a taint comes', '', daemonSet(), [node('a', [TEAM])], [pod('a1', 'a', 'h2', 'ready')]],
  ['leaves when the taint says so', '-a1', daemonSet(), [node('a', [LEAVE])], [pod('a1', 'a', 'h2', 'ready')]],
  [
    'leaves a node that its selector no longer takes',
    '-a1',
    daemonSet({}, { nodeSelector: { zone: 'b' } }),
    three,
    [pod('a1', 'a', 'h2', 'ready')],
  ],
  ['replaces a failed pod', '-a1', daemonSet(), [node('a')], [pod('a1', 'a', 'h2', 'Failed')]],
  ['replaces a pod that succeeded', '-a1', daemonSet(), [node('a')], [pod('a1', 'a', 'h2', 'Succeeded')]],
  ['waits for a pod that goes', '', daemonSet(), [node('a')], [pod('a1', 'a', 'h2', 'going')]],
  ['keeps the oldest of two', '-a2', daemonSet(), [node('a')], [pod('a2', 'a', 'h2', 'ready', NOW + 1000), pod('a1', 'a', 'h2', 'ready')]],
  [
    'takes a pod that waits for a node that is gone',
    '-x1',
    daemonSet(),
    [],
    [{ ...pod('x1', '', 'h2', 'new'), spec: newDaemonPod(daemonSet(), 'x', 'h2').spec } as Pod],
  ],
  ['updates one node at a time', '-a1', daemonSet(), three, old()],
  ['updates as many nodes as may be unavailable', '-a1 -b1', daemonSet(wide), three, old()],
  ['updates broken pods first, and they count', '-a1', daemonSet(), three, old('unready')],
  ['updates others beside broken ones', '-a1 -b1', daemonSet(wide), three, old('unready')],
  [
    'updates all that are broken, however many',
    '-a1 -b1 -c1',
    daemonSet(),
    three,
    three.map(({ metadata: { name } }) => pod(`${name}1`, name, 'h1', 'unready')),
  ],
  ['waits for the new pod before the next', '', daemonSet(), three, [pod('a2', 'a', 'h2', 'new'), ...old().slice(1)]],
  ['leaves old pods to be deleted by hand', '', daemonSet({ updateStrategy: { type: 'OnDelete' } }), three, old()],
  ['surges beside the old pod', '+a', daemonSet(surge), three, old()],
  ['waits for the surged pod', '', daemonSet(surge), three, [...old(), pod('a2', 'a', 'h2', 'unready')]],
  ['takes the old pod when the surged one serves', '-a1', daemonSet(surge), three, [...old(), pod('a2', 'a', 'h2', 'ready')]],
] as const) {
  test(`planDaemonSet ${name}`, () => assert.equal(brief(planDaemonSet(observed(ds, nodes, pods))), want));
}

test('planDaemonSet waits before it replaces another failed pod', () => {
  const plan = planDaemonSet(observed(daemonSet(), [node('a')], [pod('a1', 'a', 'h2', 'Failed')], 4000));
  assert.deepEqual(plan, { create: [], delete: [], afterMs: 4000 });
});

test('FailedPods doubles its delay, and forgets it with the template', () => {
  const clock = new ManualClock();
  const failures = new FailedPods(clock);
  const delays = [1, 2, 3].map(() => {
    failures.replaced('ns/agent', 'a');
    const ms = failures.left('ns/agent', 'a');
    clock.advance(ms);
    return ms;
  });
  assert.deepEqual(delays, [1000, 2000, 4000]);
  failures.forget('ns/agent');
  assert.equal(failures.left('ns/agent', 'a'), 0);
});

test('a daemon pod is bound to its node by name, and stays in all trouble of the node', () => {
  const ds = daemonSet({}, { tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }] });
  const draft = newDaemonPod(ds, 'a', 'h2') as unknown as Pod;
  assert.equal(targetNode(draft), 'a');
  assert.equal(draft.metadata.labels?.['controller-revision-hash'], 'h2');
  assert.deepEqual(
    draft.spec.tolerations?.map(({ key, effect }) => `${key?.replace('node.kubernetes.io/', '')}:${effect}`),
    [
      'not-ready:NoExecute',
      'unreachable:NoExecute',
      'disk-pressure:NoSchedule',
      'memory-pressure:NoSchedule',
      'pid-pressure:NoSchedule',
      'unschedulable:NoSchedule',
    ],
  );
});

test('daemonSetStatus counts nodes, not pods', () => {
  const pods = [pod('a1', 'a', 'h1', 'ready'), pod('a2', 'a', 'h2', 'unready', NOW + 1000), pod('d1', 'd', 'h2', 'ready')];
  const seen = observed(daemonSet(surge), [...three, node('d', [TEAM])], pods);
  const { observedGeneration: _, ...status } = daemonSetStatus(seen, undefined, true);
  assert.deepEqual(status, {
    desiredNumberScheduled: 3,
    currentNumberScheduled: 1,
    numberMisscheduled: 1,
    numberReady: 1,
    updatedNumberScheduled: 0,
    numberAvailable: 1,
    numberUnavailable: 2,
  });
});

/** Nodes that come, go and are tainted, pods that fail, templates that change: what must hold holds after every step. */
for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`whatever happens, no node has too many pods and the roll-out keeps its bound (seed ${seed})`, () => {
    const ids = seededIds(seed);
    const below = (n: number): number => Math.floor(ids.fraction() * n);
    const surging = seed % 2 === 0;
    const limit = 1 + (seed % 3);
    const ds = daemonSet({
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: surging ? { maxSurge: limit, maxUnavailable: 0 } : { maxUnavailable: limit, maxSurge: 0 },
      },
    });
    const nodes = new Map(['a', 'b', 'c', 'd', 'e'].map((name) => [name, node(name)]));
    const pods = new Map<string, Pod>();
    let hash = 'h1';
    let serial = 0;
    const look = (): Observed => ({ ds, nodes: [...nodes.values()], pods: [...pods.values()], hash, now: NOW, backoff: () => 0 });
    const serving = (name: string): boolean =>
      [...pods.values()].some(
        (one) => one.spec.nodeName === name && one.metadata.deletionTimestamp === undefined && isPodAvailable(one, 0, NOW),
      );
    /** Nodes whose pod is on its way; one that still has a broken pod of an older template does not count. */
    const onTheWay = (): number =>
      [...nodes.values()].filter(({ metadata }) => {
        const there = [...pods.values()].filter(
          (one) => one.spec.nodeName === metadata.name && one.metadata.deletionTimestamp === undefined,
        );
        const stale = there.some((one) => one.metadata.labels?.['controller-revision-hash'] !== hash);
        return suits(ds, nodes.get(metadata.name) as Node).run && !stale && !serving(metadata.name);
      }).length;
    const pass = (): number => {
      const before = onTheWay();
      const plan = planDaemonSet(look());
      for (const name of plan.create) pods.set(`p${++serial}`, pod(`p${serial}`, name, hash, 'new', NOW + serial * 1000));
      for (const { pod: victim } of plan.delete)
        pods.set(victim.metadata.name, { ...victim, metadata: { ...victim.metadata, deletionTimestamp: formatTime(NOW) } });
      const taken = plan.delete.filter(
        ({ pod: { spec, status } }) => suits(ds, nodes.get(spec.nodeName ?? '') ?? node('x', [LEAVE])).stay && status.phase === 'Running',
      );
      if (!surging && taken.length > 0 && plan.create.length === 0)
        assert.ok(before + taken.length <= limit, `${before} on the way, ${taken.length} taken, ${limit} allowed`);
      for (const name of nodes.keys()) {
        const alive = [...pods.values()].filter(
          (one) => one.spec.nodeName === name && one.metadata.deletionTimestamp === undefined && !isPodTerminal(one),
        );
        assert.ok(alive.length <= (surging ? 2 : 1), `${alive.length} pods on ${name}`);
      }
      return plan.create.length + plan.delete.length;
    };
    const kubelet = (one: Pod): void => {
      const { name } = one.metadata;
      if (one.metadata.deletionTimestamp !== undefined) pods.delete(name);
      else if (one.status.phase === 'Pending')
        pods.set(name, pod(name, one.spec.nodeName ?? '', one.metadata.labels?.['controller-revision-hash'] ?? '', 'ready'));
    };
    for (let step = 0; step < 400; step++) {
      const one = [...pods.values()][below(pods.size)];
      const name = String.fromCharCode(97 + below(7));
      switch (below(12)) {
        case 0:
          hash = `h${below(3)}`;
          break;
        case 1:
          nodes.set(name, node(name, below(2) === 0 ? [TEAM] : []));
          break;
        case 2:
          nodes.delete(name);
          for (const [key, left] of pods) if (left.spec.nodeName === name) pods.delete(key);
          break;
        case 3:
          if (one !== undefined) pods.set(one.metadata.name, pod(one.metadata.name, one.spec.nodeName ?? '', hash, 'Failed'));
          break;
        default:
          if (one !== undefined) kubelet(one);
      }
      pass();
    }
    for (let moved = 1; moved > 0;) {
      moved = pass();
      for (const one of pods.values()) {
        if (one.metadata.deletionTimestamp !== undefined || one.status.phase === 'Pending') moved++;
        kubelet(one);
      }
    }
    for (const [name, where] of nodes) {
      const there = [...pods.values()].filter((one) => one.spec.nodeName === name);
      if (suits(ds, where).run)
        assert.deepEqual(
          there.map(({ metadata }) => metadata.labels?.['controller-revision-hash']),
          [hash],
        );
    }
  });
}
