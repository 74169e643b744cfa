// A runtime that refuses, answers late or not at all, and a kubelet that is restarted meanwhile, in seeded random order: no container
// of a pod ever runs twice, and once the runtime is well again all comes about, and nothing is left of pods that are gone.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pods as podResource } from '#api/resources.ts';
import type { Pod, PodSpec } from '#api/types.ts';
import { seededIds } from '#base/ids.ts';
import type { FakeContainer, FakeSandbox } from '#cri/testing.ts';
import { container, pod } from './testing/pods.ts';
import { unreliable } from './testing/unreliable-runtime.ts';
import { startWorld, stateOf } from './testing/world.ts';

/** PROA_FAULT_SEEDS=200 tries as many orders. */
const SEEDS = Number(process.env['PROA_FAULT_SEEDS'] ?? 4);
const FIRST = Number(process.env['PROA_FAULT_FIRST'] ?? 1);
const STEPS = 24;
/** From when the runtime is well again until all is as it should be. Milliseconds. */
const WELL_MS = 900_000;

const KINDS: Readonly<Record<string, Partial<PodSpec>>> = {
  server: {},
  guarded: {
    initContainers: [container('init'), container('sidecar', { restartPolicy: 'Always' })],
    terminationGracePeriodSeconds: 5,
  },
  job: { restartPolicy: 'Never', containers: [container('work')] },
  stubborn: { restartPolicy: 'OnFailure', initContainers: [container('init')], containers: [container('again'), container('work')] },
};

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(`over a runtime that fails by seed ${seed} nothing runs twice, and all comes about`, async (t) => {
    const random = seededIds(seed);
    const below = (n: number): number => Math.floor(random.fraction() * n);
    const pick = <T>(from: readonly T[]): T | undefined => from[below(from.length)];
    const faults = unreliable(random);
    t.after(() => faults.heal()); // what is still under way ends, so that the kubelet can
    const world = await startWorld(t, { events: seed % 2 === 0 ? 'served' : 'unimplemented', through: faults.through });
    const { runtime, clock } = world;
    faults.begin();
    for (const name of ['init', 'work'])
      runtime.behave(name, { started: (one) => void clock.after(400 + below(3_000), () => runtime.exit(one, 0)) });
    let failures = 2;
    runtime.behave('again', { started: (one) => void clock.after(500, () => runtime.exit(one, failures-- > 0 ? 1 : 0)) });
    runtime.behave('sidecar', { onTerm: 'ignore' });

    const uidOf = ({ config }: FakeContainer | FakeSandbox): string => config.labels['io.kubernetes.pod.uid'] ?? '';
    const nameOf = ({ config }: FakeContainer): string => config.metadata?.name ?? '';
    const running = (): readonly FakeContainer[] => runtime.containers.filter(({ state }) => state === 'CONTAINER_RUNNING');
    const assertOnce = (): void => {
      const seen = running().map((one) => `${uidOf(one)} ${nameOf(one)}`);
      assert.deepEqual(
        seen.filter((one, index) => seen.indexOf(one) !== index),
        [],
        'runs twice',
      );
    };
    const stored = (): readonly Pod[] => world.server.stored(podResource);
    const remove = (one: Pod): Promise<unknown> =>
      world.client.delete(podResource, { name: one.metadata.name, namespace: 'default' }).catch(() => undefined);
    /** What waits for an answer waits for the clock. */
    const passing = async (work: Promise<void>): Promise<void> => {
      let done = false;
      const end = work.finally(() => (done = true));
      while (!done) {
        await world.settle();
        clock.advance(1_000);
      }
      await end;
    };
    let made = 0;
    const add = (): void => {
      const kind = pick(Object.keys(KINDS)) as string;
      world.bind(pod({ name: `${kind}-${++made}`, spec: KINDS[kind] ?? {} }));
    };

    for (let i = 0; i < 3; i++) add();
    for (let step = 0; step < STEPS; step++) {
      const dice = random.fraction();
      if (dice < 0.12) add();
      else if (dice < 0.2) {
        const victim = pick(stored().filter(({ metadata }) => metadata.deletionTimestamp === undefined));
        if (victim !== undefined) await remove(victim);
      } else if (dice < 0.3) {
        const victim = pick(running());
        if (victim !== undefined) runtime.exit(victim, 1 + below(3));
      } else if (dice < 0.34) {
        const lost = pick(runtime.sandboxes.filter(({ state }) => state === 'SANDBOX_READY'));
        if (lost !== undefined) runtime.loseSandbox(lost);
      } else if (dice < 0.4) await passing(world.restart());
      for (const until = clock.now() + 1_000 + below(5_000); clock.now() < until;) {
        await world.settle();
        assertOnce();
        clock.advance(1_000);
      }
    }
    faults.heal();
    const asItShould = ({ metadata, status, spec }: Pod): boolean =>
      metadata.name.startsWith('server') || metadata.name.startsWith('guarded')
        ? status.phase === 'Running' && spec.containers.every(({ name }) => stateOf({ status } as Pod, name) === 'running')
        : status.phase === 'Succeeded' || status.phase === 'Failed';
    await world
      .advanceUntil(
        () => {
          assertOnce();
          return stored().every((one) => one.metadata.deletionTimestamp === undefined && asItShould(one));
        },
        WELL_MS,
        'all is well',
      )
      .catch((error: unknown) => {
        throw new Error(
          JSON.stringify(
            stored()
              .filter((one) => !asItShould(one))
              .map(({ metadata, status }) => [metadata.name, metadata.deletionTimestamp, status]),
            undefined,
            1,
          ),
          { cause: error },
        );
      });
    for (const one of stored()) await remove(one);
    const left = (): unknown => [
      stored().map(({ metadata }) => metadata.name),
      runtime.containers.map((one) => `${uidOf(one)} ${nameOf(one)} ${one.state}`),
      runtime.sandboxes.map((one) => `${uidOf(one)} ${one.state}`),
      world.mounter.mounts,
      readdirSync(join(world.folder, 'root', 'pods')),
    ];
    await world
      .advanceUntil(() => JSON.stringify(left()) === '[[],[],[],[],[]]', WELL_MS, 'nothing is left')
      .catch((error: unknown) => {
        throw new Error(JSON.stringify(left(), undefined, 1), { cause: error });
      });
    t.diagnostic(`${made} pods, ${faults.told()}`);
  });
}
