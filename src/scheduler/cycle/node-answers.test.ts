import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { LABEL } from '#api/well-known.ts';
import type { Plugin } from '../framework/plugin.ts';
import { profileOf } from '../framework/profile.ts';
import { nodeResourcesFit } from '../plugins/node-resources.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { clusterOf, node, pod } from '../testing.ts';
import { PodPlacer } from './place-pod.ts';

const NODES = 20;
const APPS = 30;

test('NodeAnswers are asked for once a node and once a change, by however many kinds of pods that only spread otherwise', () => {
  const asked = { filter: 0, score: 0 };
  const score = (): number => {
    asked.score++;
    return 0;
  };
  const counting: Plugin = {
    name: 'Counting',
    sign: ({ spec }) => spec.nodeSelector,
    preFilter: () => ({ kind: 'filter', filter: { scope: 'node', check: () => void asked.filter++ } }),
    preScore: () => ({ scope: 'node', normalize: 'none', score }),
  };
  const spread = podTopologySpread(({ metadata }) => selectorFromSet(metadata.labels));
  const profile = profileOf(
    'default-scheduler',
    [nodeResourcesFit(), counting, spread].map((plugin) => ({ plugin, weight: 1 })),
  );
  const cluster = clusterOf(
    Array.from({ length: NODES }, (_, i) =>
      node(`n${i}`, {
        metadata: { labels: { [LABEL.hostname]: `n${i}`, [LABEL.zone]: `z${i % 3}` } },
        status: { allocatable: { cpu: '64', memory: '64Gi', pods: '110' } },
      }),
    ),
  );
  const placer = new PodPlacer({ profile, cluster, fraction: () => 0.5 });
  const place = (name: string, app: string, nodeSelector = {}): void => {
    const incoming = cluster.podInfos.of(pod(name, {}, { nodeSelector }, { metadata: { labels: { app } } }));
    const decision = placer.place(incoming);
    assert.equal(decision.kind, 'placed');
    if (decision.kind === 'placed') cluster.assume(incoming, decision.node);
  };

  for (let i = 0; i < 2 * APPS; i++) place(`p${i}`, `app-${i % APPS}`);
  const changes = 2 * APPS - 1;
  assert.deepEqual(asked, { filter: NODES + changes, score: NODES + changes });

  place('other', 'app-0', { disk: 'ssd' });
  assert.equal(asked.filter, 2 * NODES + changes, 'a pod that the plugin reads otherwise has answers of its own');
});
