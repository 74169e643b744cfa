// The whole scheduler, its queue, back-off, preemption, gates and binding: what happened to it is recorded, and a scheduler
// that is told the same with the same seed and clock asks the same of the server and tells people the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { internalError } from '#apimachinery/errors.ts';
import { nodes, pods } from '#api/resources.ts';
import type { New, Node, Pod } from '#api/types.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fakeClient } from '#client/testing.ts';
import { createScheduler } from './scheduler.ts';
import { node, pod } from './testing.ts';

/** What happened outside of the scheduler; a log has one a line. */
type Happening =
  | { readonly kind: 'node'; readonly object: Node }
  | { readonly kind: 'pod'; readonly object: Pod }
  | { readonly kind: 'edit'; readonly of: 'nodes' | 'pods'; readonly name: string; readonly spec: object }
  | { readonly kind: 'gone'; readonly of: 'nodes' | 'pods'; readonly name: string }
  /** The server refuses the next binding. */
  | { readonly kind: 'refuse' }
  | { readonly kind: 'time'; readonly ms: number };

const START = Date.UTC(2026, 0, 1, 12);
/** Turns of the event loop without a request after which the scheduler rests. */
const IDLE_TURNS = 12;
const NAMESPACE = 'ns';

async function world(seed: number) {
  const clock = new ManualClock(START);
  const { client, server } = fakeClient({ clock, ids: seededIds(seed + 1) });
  const stopped = new AbortController();
  const informers = createInformerFactory({ client, logger: silentLogger, clock, ids: seededIds(seed + 2) });
  const told: string[] = [];
  const recorder = () => ({
    event: ({ metadata }: { readonly metadata: { readonly name: string } }, type: string, reason: string, message: string) =>
      void told.push(`${clock.now() - START} ${metadata.name} ${type} ${reason} ${message}`),
  });
  const scheduler = createScheduler({ client, informers, clock, ids: seededIds(seed), logger: silentLogger, recorder });
  informers.start(stopped.signal);
  await scheduler.start();

  const rest = async (): Promise<void> => {
    for (let still = 0, seen = server.actions.length; still < IDLE_TURNS; still++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (server.actions.length !== seen) still = 0;
      seen = server.actions.length;
    }
  };
  await rest();
  return {
    server,
    async happen(happening: Happening): Promise<void> {
      switch (happening.kind) {
        case 'node':
          server.seed(nodes, happening.object);
          break;
        case 'pod':
          server.seed(pods, happening.object);
          break;
        case 'edit': {
          const edit = <T extends { readonly spec: object }>(object: T): T => ({ ...object, spec: { ...object.spec, ...happening.spec } });
          if (happening.of === 'nodes') server.change(nodes, happening.name, undefined, edit);
          else server.change(pods, happening.name, NAMESPACE, edit);
          break;
        }
        case 'gone':
          if (happening.of === 'nodes') server.erase(nodes, happening.name);
          else server.erase(pods, happening.name, NAMESPACE);
          break;
        case 'refuse':
          server.failNext({ resource: 'pods', subresource: 'binding' }, internalError(new Error('etcd is away')));
          break;
        case 'time':
          clock.advance(happening.ms);
      }
      await rest();
    },
    /** All that it asked for and told, in order. */
    async end(): Promise<readonly string[]> {
      await scheduler.stop();
      stopped.abort(new Error('the run is over'));
      return [
        ...server.actions.filter(({ verb }) => !['get', 'list', 'watch'].includes(verb)).map((action) => JSON.stringify(action)),
        ...told,
      ];
    },
  };
}

const NODES = 5;
const STEPS = 160;
type Pick = (count: number) => number;

const anyNode = (i: number, pick: Pick): Node =>
  node(`n${i}`, {
    metadata: { labels: { zone: `z${i % 2}` } },
    ...(pick(6) === 0 ? { spec: { unschedulable: true } } : {}),
    status: { allocatable: { cpu: String(2 + pick(3)), memory: '8Gi', pods: '6' } },
  });

function anyPod(i: number, pick: Pick): Pod {
  const spec: New<Pod['spec']> = {
    priority: pick(3) * 10,
    ...(pick(6) === 0 ? { schedulingGates: [{ name: 'hold' }] } : {}),
    ...(pick(4) === 0 ? { nodeSelector: { zone: `z${pick(3)}` } } : {}),
    ...(pick(5) === 0
      ? {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { alone: 'yes' } } }],
            },
          },
        }
      : {}),
  };
  return pod(`p${i}`, { cpu: `${500 * (1 + pick(4))}m` }, spec, { metadata: { labels: { alone: pick(3) === 0 ? 'yes' : 'no' } } });
}

/** A run in which chance says what happens, and the log of it. */
async function record(seed: number): Promise<{ readonly log: string; readonly decisions: readonly string[] }> {
  const ids = seededIds(1000 + seed);
  const pick: Pick = (count) => Math.floor(ids.fraction() * count);
  const running = await world(seed);
  const log: string[] = [];
  const happen = async (happening: Happening): Promise<void> => {
    log.push(JSON.stringify(happening));
    await running.happen(happening);
  };
  const nameOf = <T extends { readonly metadata: { readonly name: string } }>(all: readonly T[]): string | undefined =>
    all[pick(all.length)]?.metadata.name;

  for (let i = 0; i < NODES; i++) await happen({ kind: 'node', object: anyNode(i, pick) });
  for (let i = 0; i < STEPS; i++) {
    const dice = pick(20);
    const held = running.server.stored(pods).filter(({ spec }) => (spec.schedulingGates ?? []).length > 0);
    const [heldPod, podName, nodeName] = [nameOf(held), nameOf(running.server.stored(pods)), nameOf(running.server.stored(nodes))];
    if (dice < 9) await happen({ kind: 'pod', object: anyPod(i, pick) });
    else if (dice < 12 && podName !== undefined) await happen({ kind: 'gone', of: 'pods', name: podName });
    else if (dice === 12 && heldPod !== undefined) await happen({ kind: 'edit', of: 'pods', name: heldPod, spec: { schedulingGates: [] } });
    else if (dice === 13 && nodeName !== undefined)
      await happen({ kind: 'edit', of: 'nodes', name: nodeName, spec: { unschedulable: pick(3) === 0 } });
    else if (dice === 14 && nodeName !== undefined) await happen({ kind: 'gone', of: 'nodes', name: nodeName });
    else if (dice === 15) await happen({ kind: 'node', object: anyNode(NODES + i, pick) });
    else if (dice === 16) await happen({ kind: 'refuse' });
    else await happen({ kind: 'time', ms: 500 * (1 + pick(20)) });
  }
  await happen({ kind: 'time', ms: 600_000 });
  return { log: log.join('\n'), decisions: await running.end() };
}

async function replay(log: string, seed: number): Promise<readonly string[]> {
  const running = await world(seed);
  for (const line of log.split('\n')) await running.happen(JSON.parse(line) as Happening);
  return running.end();
}

for (const seed of [1, 2, 3]) {
  test(`a recorded run of the scheduler replays to the same decisions (seed ${seed})`, async () => {
    const { log, decisions } = await record(seed);
    assert.deepEqual(await replay(log, seed), decisions);
    assert.notDeepEqual(await replay(log, seed + 100), decisions);
    for (const seen of [
      / Scheduled /,
      /FailedScheduling 0\/\d+ nodes are available/,
      / Preempted /,
      /etcd is away/,
      /No preemption victims/,
    ]) {
      assert.ok(
        decisions.some((line) => seen.test(line)),
        `nothing like ${seen} was decided`,
      );
    }
  });
}
