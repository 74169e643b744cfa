// Real controllers in a world where everything follows from a seed: a server in memory, a clock that is told, and chance
// from one source. What a run decided can be replayed, and what must hold can be looked at between any two turns.
import assert from 'node:assert/strict';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { formatTime } from '#apimachinery/time.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fakeClient, type FakeTransport } from '#client/testing.ts';
import { targetNode } from '../daemonset/daemon-pod.ts';
import { type Controller, runController } from '../runtime/controller.ts';
import { LateWatches } from './late-watches.ts';

export interface Simulation {
  /** As the controllers have one; a user's requests are among the server's actions. */
  readonly client: Client;
  readonly server: FakeTransport;
  readonly clock: ManualClock;
  /** `TYPE REASON MESSAGE`, in order. */
  readonly events: readonly string[];
  /** A whole number from 0 to below `n`. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T | undefined;
  /** Lets the controllers go on for `count` turns of the event loop, which need not be enough for what they have to do. */
  turns(count: number): Promise<void>;
  /** From now on nobody hears what happens to objects of `resource` (a plural name), until `catchUp`. */
  hold(resource: string): void;
  catchUp(): void;
  /** Until the controllers have caught up and have nothing more to do, now and for the next minute. @throws Error when they never rest */
  quiet(): Promise<void>;
  /** Ends the controllers and starts them anew, without what they knew. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** All that was asked of the server, in order. */
  decisions(): readonly string[];
}

export const START = Date.UTC(2026, 0, 1, 12);

/** Turns without any request after which nobody is at work. */
const IDLE_TURNS = 12;

/** A request waits fewer. */
const MOST_TURNS = 4;

/** Of the clock while waiting for rest: longer than the longest pause before a retry that the tests cause. Milliseconds. */
const QUIET_MS = 60_000;
const STEP_MS = 1_000;

/** More requests than any change may cost; then the controllers turn in circles. */
const MOST_REQUESTS = 5_000;

const CONFIG = { clusterCIDRs: [{ cidr: '10.244.0.0/16', nodeMaskSize: 24 }], rootCA: 'CERTIFICATE' };

export interface SimulationOptions {
  /** Answers take some turns of the event loop, told by this seed, so that they come in another order; by default none. */
  readonly jitter?: number;
  /** Feature gates, as `--feature-gates` has them; by default all as upstream's are. */
  readonly gates?: string;
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

function jittery(server: Transport, seed: number): Transport {
  const ids = seededIds(seed);
  return {
    async request(request) {
      await turns(Math.floor(ids.fraction() * MOST_TURNS));
      return server.request(request);
    },
    watch: (request) => server.watch(request),
    getPath: (path, query, signal) => server.getPath(path, query, signal),
    close: () => server.close(),
  };
}

export async function simulate(
  controllers: readonly Controller[],
  seed: number,
  { jitter, gates = '' }: SimulationOptions = {},
): Promise<Simulation> {
  const clock = new ManualClock(START);
  const ids = seededIds(seed);
  const { client, server } = fakeClient({ clock, ids: seededIds(seed + 1), defaulting: 'upstream' });
  const events: string[] = [];
  const late = new LateWatches(server);
  const listening = createClient(late.transport);
  const acting = jitter === undefined ? client : createClient(jittery(server, jitter));

  const start = () => {
    const stopping = new AbortController();
    const informers = createInformerFactory({ client: listening, logger: silentLogger, clock, ids: seededIds(seed + 2) });
    const running = controllers.map((controller) =>
      runController(controller, {
        client: acting,
        informers,
        events: { event: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`) },
        clock,
        ids: seededIds(seed + 3),
        logger: silentLogger,
        config: CONFIG,
        gates: new FeatureGates(gates),
        signal: stopping.signal,
      }),
    );
    informers.start(stopping.signal);
    return async (): Promise<void> => {
      stopping.abort(new Error('the simulation ends them'));
      await Promise.allSettled(running);
    };
  };

  /** Until no request comes for some turns, without time passing. */
  const idle = async (limit: number): Promise<void> => {
    for (let still = 0, seen = server.actions.length; still < IDLE_TURNS; still++) {
      await turns(1);
      if (server.actions.length !== seen) still = 0;
      seen = server.actions.length;
      if (seen > limit) throw new Error(`no rest after ${MOST_REQUESTS} requests:\n${server.writes().slice(-20).join('\n')}`);
    }
  };

  let end = start();
  await turns(IDLE_TURNS);
  return {
    client,
    server,
    clock,
    events,
    below: (n) => Math.floor(ids.fraction() * n),
    pick: (items) => items[Math.floor(ids.fraction() * items.length)],
    turns,
    hold: (resource) => late.hold(resource),
    catchUp: () => late.catchUp(),
    async quiet() {
      late.catchUp();
      const limit = server.actions.length + MOST_REQUESTS;
      for (let passed = 0; passed < QUIET_MS; passed += STEP_MS) {
        const before = server.resourceVersion;
        await idle(limit);
        clock.advance(STEP_MS);
        await turns(1);
        if (server.resourceVersion !== before) passed = 0;
      }
      await idle(limit);
    },
    async restart() {
      await end();
      late.catchUp();
      end = start();
      await turns(IDLE_TURNS);
    },
    stop: () => end(),
    decisions: () => server.actions.map((action) => JSON.stringify(action)),
  };
}

/** With the controllers at rest nothing is written, even if they begin anew; gives what was asked in the whole run. */
export async function endAtRest(world: Simulation): Promise<readonly string[]> {
  await world.quiet();
  const writes = world.server.writes().length;
  await world.restart();
  await world.quiet();
  assert.deepEqual(world.server.writes().slice(writes), [], 'at rest nothing is written');
  await world.stop();
  return world.decisions();
}

/** That `run` follows from its seed alone. */
export async function assertReplays(run: (seed: number) => Promise<readonly string[]>): Promise<void> {
  const [first, again, other] = [await run(3), await run(3), await run(4)];
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
}

/** A pod that waits for its kubelet gets what it waits for. @returns whether there was one */
export function playKubelet({ server, pick, clock }: Simulation): boolean {
  const waits = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined || !(isPodReady(pod) || isPodTerminal(pod));
  const pod = pick(server.stored(pods).filter(waits));
  if (pod === undefined) return false;
  if (pod.metadata.deletionTimestamp !== undefined) server.erase(pods, pod.metadata.name, pod.metadata.namespace);
  else changeStatus(server, pod, { phase: 'Running', conditions: [condition('True', clock.now())] });
  return true;
}

/** Its containers end, each for good. */
export function failPod({ server, clock }: Simulation, pod: Pod): void {
  changeStatus(server, pod, { phase: 'Failed', conditions: [condition('False', clock.now())] });
}

/** Its containers run, and do not answer. */
export function sickenPod({ server, clock }: Simulation, pod: Pod): void {
  changeStatus(server, pod, { phase: 'Running', conditions: [condition('False', clock.now())] });
}

const condition = (status: 'True' | 'False', now: number) => ({
  type: 'Ready',
  status,
  lastProbeTime: null,
  lastTransitionTime: formatTime(now),
});

function changeStatus(server: FakeTransport, { metadata }: Pod, status: object): void {
  server.change(pods, metadata.name, metadata.namespace, (pod) => ({
    ...pod,
    spec: { ...pod.spec, nodeName: targetNode(pod) ?? 'n1' },
    status: { ...pod.status, ...status } as Pod['status'],
  }));
}
