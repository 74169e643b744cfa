// What happens to the cluster, in order. Each phase ends when all that it wanted is seen, and gives the pods it moved.
import { setTimeout } from 'node:timers/promises';
import { isStatusError } from '#apimachinery/errors.ts';
import { deployments, nodes, pods, services } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import type { Observed } from './observed.ts';

export interface PhaseDeps {
  readonly client: Client;
  readonly observed: Observed;
  readonly nodeCount: number;
  /** Pods of the roll-out. */
  readonly total: number;
  readonly churn: Churn;
}

/** What a cluster goes through that its users leave alone. */
export interface Churn {
  /** What users ask for, and pods that come or go. */
  readonly changesPerSecond: number;
  readonly seconds: number;
}

interface Phase {
  readonly name: string;
  readonly run: (deps: PhaseDeps) => Promise<number>;
}

/** Pods of one Deployment, at most. */
const REPLICAS = 300;
/** Evictions under way at a time; an eviction that a budget or load refuses comes back. */
const EVICTIONS = 50;

const sizes = (total: number): readonly number[] =>
  Array.from({ length: Math.ceil(total / REPLICAS) }, (_, i) => Math.min(REPLICAS, total - i * REPLICAS));
const refOf = (i: number): { readonly name: string; readonly namespace: string } => ({ name: `app-${i}`, namespace: 'default' });

/** All Deployments have the pods they want, all of the newest template and available, and nothing is left of others. */
function settled({ pods: all, deployments: list, readyPods }: Observed): boolean {
  let wanted = 0;
  for (const { metadata, spec, status } of list.list()) {
    const replicas = spec.replicas ?? 0;
    wanted += replicas;
    if (status?.observedGeneration !== metadata.generation || (status?.updatedReplicas ?? 0) !== replicas) return false;
    if ((status?.availableReplicas ?? 0) !== replicas || (status?.replicas ?? 0) !== replicas) return false;
  }
  return all.size === wanted && readyPods.size === wanted;
}

async function rollOut({ client, observed, total }: PhaseDeps): Promise<number> {
  await Promise.all(
    sizes(total).map(async (replicas, i) => {
      const labels = { app: `app-${i}` };
      await client.create(services, { metadata: refOf(i), spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } });
      await client.create(deployments, {
        metadata: refOf(i),
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name: 'app', image: 'example.test/app:1', resources: { requests: { cpu: '10m', memory: '10Mi' } } }] },
          },
        },
      });
    }),
  );
  await observed.until(() => observed.deployments.size === sizes(total).length && settled(observed));
  return total;
}

/** @returns pods that were there before */
async function patchAll({ client, observed, total }: PhaseDeps, spec: (replicas: number) => object): Promise<number> {
  const before = observed.pods.size;
  const generations = await Promise.all(
    sizes(total).map(async (replicas, i) => {
      const { metadata } = await client.patch(deployments, refOf(i), { type: 'merge', body: { spec: spec(replicas) } });
      return metadata.generation ?? 0;
    }),
  );
  const seen = (): boolean =>
    generations.every((generation, i) => (observed.deployments.byKey(`default/app-${i}`)?.metadata.generation ?? 0) >= generation);
  await observed.until(() => seen() && settled(observed));
  return before;
}

const rollOver = (deps: PhaseDeps): Promise<number> =>
  patchAll(deps, () => ({ template: { metadata: { annotations: { version: '2' } } } }));

/** A request of a user, and the pod that comes or goes by it. */
const CHANGES_PER_SCALING = 2;
/** A Deployment is one pod smaller for so long, seconds. */
const SMALLER_FOR = 2;

/**
 * Deployments lose a pod and get another, one after the other, evenly over time. Source: community sig-scalability/slos/slos.md,
 * cluster churn.
 */
async function steady({ client, observed, total, churn: { changesPerSecond, seconds } }: PhaseDeps): Promise<number> {
  const wanted = sizes(total);
  /** The last request for each, which the next one waits for: they must not overtake each other. */
  const asked: Promise<unknown>[] = wanted.map(() => Promise.resolve());
  const scale = (turn: number, by: number): void => {
    const i = turn % wanted.length;
    const body = { spec: { replicas: (wanted[i] as number) + by } };
    asked[i] = asked[i]?.then(() => client.patch(deployments, refOf(i), { type: 'merge', body })) as Promise<unknown>;
  };
  const pairs = Math.ceil((changesPerSecond * seconds) / CHANGES_PER_SCALING / 2);
  const everyMs = (1000 * seconds) / pairs;
  const behind = Math.ceil((SMALLER_FOR * 1000) / everyMs);
  const began = performance.now();
  for (let turn = 0; turn < pairs + behind; turn++) {
    await setTimeout(Math.max(0, began + turn * everyMs - performance.now()));
    if (turn < pairs) scale(turn, -1);
    if (turn >= behind) scale(turn - behind, 0);
  }
  await Promise.all(asked);
  await observed.until(() => observed.pods.size === total && settled(observed));
  return pairs;
}

async function scaleDown(deps: PhaseDeps): Promise<number> {
  const before = await patchAll(deps, (replicas) => ({ replicas: Math.ceil(replicas / 2) }));
  return before - deps.observed.pods.size;
}

async function drain({ client, observed, nodeCount }: PhaseDeps): Promise<number> {
  const drained = Array.from({ length: Math.ceil(nodeCount / 10) }, (_, i) => `hollow-${i}`);
  await Promise.all(drained.map((name) => client.patch(nodes, { name }, { type: 'merge', body: { spec: { unschedulable: true } } })));
  const victims = drained
    .flatMap((name) => observed.pods.byIndex('node', name))
    .map(({ metadata: { name, namespace } }) => ({ name, namespace }));
  const left = victims.values();
  const evict = async (): Promise<void> => {
    for (const ref of left) {
      try {
        await client.createSubresource(pods, ref, 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: ref });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: EVICTIONS }, evict));
  await observed.until(() => drained.every((name) => observed.pods.byIndex('node', name).length === 0) && settled(observed));
  return victims.length;
}

export const PHASES: readonly Phase[] = [
  { name: 'roll out', run: rollOut },
  { name: 'steady', run: steady },
  { name: 'roll over', run: rollOver },
  { name: 'scale down', run: scaleDown },
  { name: 'drain 1/10', run: drain },
];
