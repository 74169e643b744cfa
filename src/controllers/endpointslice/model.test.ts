// Services and pods that come, go and change, told by a seed: once all is quiet, the slices say what the pods are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import { endpointslices, nodes, pods, services } from '#api/resources.ts';
import type { EndpointSlice, New, Pod, Service } from '#api/types.ts';
import { assertReplays, endAtRest, failPod, sickenPod, type Simulation, simulate } from '../testing/simulation.ts';
import { endpointSliceController } from './controller.ts';

const APPS = ['a', 'b'];
const STEPS = 100;

const service = (app: string, targetPort: number) =>
  ({
    metadata: { name: app, namespace: 'ns' },
    spec: { selector: { app }, clusterIP: '10.96.0.9', ipFamilies: ['IPv4'], ports: [{ port: 80, targetPort }] },
  }) as unknown as New<Service>;

const pod = (number: number, app: string) =>
  ({
    metadata: { name: `p${number}`, namespace: 'ns', labels: { app } },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'v1' }] },
  }) as unknown as New<Pod>;

function becomeReady({ server }: Simulation, { metadata }: Pod): void {
  server.change(pods, metadata.name, metadata.namespace, (each) => {
    const podIP = `10.244.0.${metadata.name.slice(1)}`;
    const conditions = [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: null }];
    return {
      ...each,
      status: { ...each.status, phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions } as unknown as Pod['status'],
    };
  });
}

/** `address ready`, of all slices of the Service. */
const told = ({ server }: Simulation, app: string): readonly string[] =>
  server
    .stored(endpointslices)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === app)
    .flatMap(({ endpoints, ports }) =>
      (endpoints ?? []).map((each) => `${each.addresses[0]}:${ports?.[0]?.port} ${each.conditions?.ready}`),
    )
    .toSorted();

const expected = ({ server }: Simulation, app: string, port: number): readonly string[] =>
  server
    .stored(pods)
    .filter((each) => each.metadata.labels?.['app'] === app && each.status.podIP !== undefined && !isPodTerminal(each))
    .map((each) => `${each.status.podIP}:${port} ${isPodReady(each) && each.metadata.deletionTimestamp === undefined}`)
    .toSorted();

async function run(seed: number): Promise<readonly string[]> {
  const world = await simulate([endpointSliceController], seed);
  const { client, server, below } = world;
  await client.create(nodes, { metadata: { name: 'n1' } });
  const twice: string[] = [];
  server.react({ verb: 'create', resource: 'endpointslices' }, ({ body }) => {
    const made = body as EndpointSlice;
    const isSame = ({ metadata, ports: others }: EndpointSlice): boolean =>
      metadata.ownerReferences?.[0]?.uid === made.metadata.ownerReferences?.[0]?.uid &&
      JSON.stringify(others) === JSON.stringify(made.ports);
    const same = server.stored(endpointslices).find(isSame);
    if (same !== undefined && same.metadata.name !== made.metadata.name)
      twice.push(`${made.metadata.name} though ${same.metadata.name} is there`);
    return undefined;
  });
  const ports = new Map<string, number>();
  for (let step = 0, made = 0; step < STEPS; step++) {
    const app = APPS[below(2)] as string;
    const one = world.pick(server.stored(pods));
    switch (below(15)) {
      case 0: {
        const port = 8080 + below(2);
        if (ports.has(app))
          await client.patch(services, { name: app, namespace: 'ns' }, { type: 'merge', body: { spec: service(app, port).spec } });
        else await client.create(services, service(app, port));
        ports.set(app, port);
        break;
      }
      case 1:
        if (below(3) === 0 && ports.delete(app)) {
          await client.delete(services, { name: app, namespace: 'ns' });
          // The garbage collector's part.
          for (const { metadata } of server.stored(endpointslices))
            if (metadata.labels?.['kubernetes.io/service-name'] === app) server.erase(endpointslices, metadata.name, 'ns');
        }
        break;
      case 2:
      case 3:
        await client.create(pods, pod(++made, app));
        break;
      case 4:
        if (one !== undefined) await client.delete(pods, one.metadata);
        break;
      case 5:
        if (one !== undefined && one.metadata.deletionTimestamp !== undefined) server.erase(pods, one.metadata.name, 'ns');
        break;
      case 6:
        if (one !== undefined) await client.patch(pods, one.metadata, { type: 'merge', body: { metadata: { labels: { app } } } });
        break;
      case 7:
        if (one !== undefined) (below(2) === 0 ? failPod : sickenPod)(world, one);
        break;
      case 8:
        if (ports.size < APPS.length) break; // where nothing is created they add up
        server.failNext({ verb: 'create', resource: 'endpointslices' }, tooManyRequests('busy', 0), below(3));
        server.failNext({ verb: 'update', resource: 'endpointslices' }, conflict(endpointslices, 'a', 'changed'), below(3));
        server.breakWatches();
        break;
      case 9:
        await world.restart();
        break;
      case 10:
        if (ports.size === APPS.length) server.loseNext({ verb: 'create', resource: 'endpointslices' }, 1 + below(3));
        break;
      case 11:
        world.hold('endpointslices');
        break;
      case 12:
        world.catchUp();
        break;
      default:
        if (one !== undefined && !isPodTerminal(one)) becomeReady(world, one);
    }
    await world.turns(below(6));
    world.clock.advance(below(500));
    await world.turns(below(6));
    assert.deepEqual(twice, [], `seed ${seed}, step ${step}`);
    if (below(5) > 0) continue;
    await world.quiet();
    for (const name of APPS) {
      const port = ports.get(name);
      assert.deepEqual(told(world, name), port === undefined ? [] : expected(world, name, port), `seed ${seed}, step ${step}: ${name}`);
    }
  }
  return endAtRest(world);
}

for (let seed = 1; seed <= 8; seed++) {
  test(`once all is quiet, slices say what the pods are (seed ${seed})`, async () => void (await run(seed)));
}

test('a run of slices is replayed by its seed to the same requests', () => assertReplays(run));
