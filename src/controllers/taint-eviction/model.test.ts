// A whole controller of taints, told by a seed what happens: no pod goes before its time, and none stays after it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tooManyRequests } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { nodes, pods } from '#api/resources.ts';
import type { New, Node, Pod } from '#api/types.ts';
import { assertReplays, endAtRest, playKubelet, type Simulation, simulate } from '../testing/simulation.ts';
import { taintEvictionController } from './controller.ts';

const NODES = ['a', 'b', 'c'];
const STEPS = 120;
const SECONDS = [undefined, 0, 30, 300] as const;

/** Written out beside the controller's own: when `pod` must go, by the taint its node has; Infinity for never. */
function due({ server }: Simulation, { spec }: Pod): number {
  const node = server.stored(nodes).find(({ metadata }) => metadata.name === spec.nodeName);
  const taint = node?.spec.taints?.[0];
  if (taint === undefined) return Infinity;
  const toleration = spec.tolerations?.[0];
  if (toleration === undefined) return 0;
  return toleration.tolerationSeconds === undefined
    ? Infinity
    : Date.parse(taint.timeAdded ?? '') + Number(toleration.tolerationSeconds) * 1000;
}

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([taintEvictionController], seed);
  const { client, server, clock, below } = world;
  for (const name of NODES) await client.create(nodes, { metadata: { name }, spec: {} } as New<Node>);
  const early: string[] = [];
  const evicted = new Set<string>();
  server.react({ verb: 'delete', resource: 'pods' }, ({ name }) => {
    const pod = server.stored(pods).find(({ metadata }) => metadata.name === name);
    if (pod !== undefined) evicted.add(pod.metadata.name);
    if (pod !== undefined && due(world, pod) > clock.now()) early.push(`${name} at ${formatTime(clock.now())}`);
    return undefined;
  });
  for (let step = 0; step < STEPS; step++) {
    const name = world.pick(NODES) ?? '';
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {
        const seconds = SECONDS[below(SECONDS.length)];
        const toleration = {
          key: 'out',
          operator: 'Exists',
          effect: 'NoExecute',
          ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
        };
        const spec = { nodeName: name, containers: [{ name: 'c', image: 'v' }], ...(below(4) === 0 ? {} : { tolerations: [toleration] }) };
        await client.create(pods, { metadata: { name: `p${step}`, namespace: 'ns' }, spec } as unknown as New<Pod>);
        break;
      }
      case 3:
      case 4: {
        // What changes is heard of at once, when nothing is broken.
        await world.quiet();
        const taint = { key: 'out', effect: 'NoExecute', timeAdded: formatTime(clock.now()) };
        await client.patch(nodes, { name }, { type: 'merge', body: { spec: { taints: below(2) === 0 ? [] : [taint] } } });
        await world.turns(50);
        break;
      }
      case 5:
        server.failNext({ verb: 'delete', resource: 'pods' }, tooManyRequests('busy', 0), below(3));
        break;
      case 6:
        await world.restart();
        break;
      default:
        server.breakWatches();
    }
    if (below(2) === 0) clock.advance(1000 * below(60));
    await world.turns(below(30));
    assert.deepEqual(early, [], `seed ${seed}, step ${step}`);
    if (below(5) !== 0) continue;
    const at = clock.now();
    await world.quiet();
    const late = server.stored(pods).filter((pod) => pod.metadata.deletionTimestamp === undefined && due(world, pod) <= at);
    assert.deepEqual(
      late.map(({ metadata }) => metadata.name),
      [],
      `seed ${seed}, step ${step}: these stay`,
    );
    while (playKubelet(world));
  }
  assert.ok(evicted.size > 0 && server.stored(pods).length > 0, 'some pods had to go, and some may stay');
  return endAtRest(world);
}

for (let seed = 1; seed <= 4; seed++)
  test(`a pod leaves a tainted node when its seconds are over, and not before (seed ${seed})`, async () => void (await run(seed)));

test('a run of taint eviction is replayed by its seed to the same requests', () => assertReplays(run));
