// Pods that come and go on nodes, kubelets that mount, an attacher that attaches, and faults between them, told by a seed. No
// exclusive volume is ever at two nodes, none is taken from a node that has it mounted, none is mounted where it is not attached;
// in the end all is where it is wanted, and then nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csiVolumeId, uniqueVolumeName } from '#api/csi.ts';
import { nodes, persistentvolumeclaims, persistentvolumes, pods, volumeattachments } from '#api/resources.ts';
import type { VolumeAttachment } from '#api/gen/storage-v1.ts';
import type { New, Node, Pod } from '#api/types.ts';
import { conflict, tooManyRequests } from '#apimachinery/errors.ts';
import { assertReplays, endAtRest, type Simulation, simulate } from '../testing/simulation.ts';
import { attachDetachController } from './controller.ts';

const STEPS = 150;
const DRIVER = 'disk.test';
const NODES = ['n1', 'n2', 'n3'];
const EXCLUSIVE = ['a', 'b', 'c'];
const VOLUMES = [...EXCLUSIVE, 'shared'];
const NAMESPACE = 'ns';
const FINALIZER = 'external-attacher/disk-test';

const unique = (volumeHandle: string): string => uniqueVolumeName({ driver: DRIVER, volumeHandle });
const handleOf = (name: string): string => csiVolumeId(name)?.volumeHandle ?? '';

/** Everything but the controller. */
class Machines {
  readonly #world: Simulation;
  /** Where each volume truly is, and where it is mounted: `HANDLE NODE`. */
  readonly attached = new Set<string>();
  readonly mounted = new Set<string>();
  readonly violations: string[] = [];
  #pods = 0;

  constructor(world: Simulation) {
    this.#world = world;
    const { server } = world;
    for (const name of NODES) {
      server.seed(nodes, {
        metadata: { name, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
        spec: {},
        status: { conditions: [{ type: 'Ready', status: 'True' }] },
      } as unknown as New<Node>);
    }
    for (const name of VOLUMES) {
      const accessModes = [EXCLUSIVE.includes(name) ? 'ReadWriteOnce' : 'ReadWriteMany'];
      server.seed(persistentvolumes, {
        metadata: { name },
        spec: { accessModes, csi: { driver: DRIVER, volumeHandle: name }, claimRef: { namespace: NAMESPACE, name, uid: `uid-${name}` } },
      } as never);
      server.seed(persistentvolumeclaims, {
        metadata: { name, namespace: NAMESPACE, uid: `uid-${name}` },
        spec: { accessModes, volumeName: name },
        status: { phase: 'Bound' },
      } as never);
    }
  }

  startPod(): void {
    const { server, pick } = this.#world;
    const claimName = pick(VOLUMES);
    server.seed(pods, {
      metadata: { name: `p${this.#pods++}`, namespace: NAMESPACE },
      spec: {
        nodeName: pick(NODES),
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }],
      },
      status: { phase: 'Running' },
    } as never);
  }

  endPod(): void {
    const { server, pick } = this.#world;
    const pod = pick(server.stored(pods));
    if (pod !== undefined) server.erase(pods, pod.metadata.name, NAMESPACE);
  }

  /** One thing that a kubelet would do. @returns whether there was any */
  kubelet(name: string): boolean {
    const { server } = this.#world;
    const { volumesInUse = [], volumesAttached = [] } = this.#node(name).status ?? {};
    const wanted = this.wanted(name);
    const has = VOLUMES.filter((volume) => this.mounted.has(`${volume} ${name}`));
    const uses = [...new Set([...wanted, ...has])].map(unique).toSorted();
    const stale = has.find((volume) => !wanted.includes(volume));
    if (stale !== undefined) {
      this.mounted.delete(`${stale} ${name}`);
      return true;
    }
    if (uses.join() !== volumesInUse.join()) {
      server.change(nodes, name, undefined, (node) => ({ ...node, status: { ...node.status, volumesInUse: uses } }) as New<Node>);
      return true;
    }
    const told = volumesAttached.map((each) => handleOf(each.name));
    const next = wanted.find((volume) => told.includes(volume) && !has.includes(volume));
    if (next === undefined || !this.#isAttached(next, name)) return false;
    if (!this.attached.has(`${next} ${name}`)) this.violations.push(`${next} is mounted at ${name}, and not attached`);
    this.mounted.add(`${next} ${name}`);
    return true;
  }

  /** One thing that the driver's attacher would do. @returns whether there was any */
  attacher(mood: 'works' | 'fails' = 'works'): boolean {
    const { server, pick } = this.#world;
    const found = pick(
      server.stored(volumeattachments).filter(({ metadata, status }) => metadata.deletionTimestamp !== undefined || !status?.attached),
    );
    if (found === undefined) return false;
    const { name, deletionTimestamp, finalizers = [] } = found.metadata;
    const volume = found.spec.source.persistentVolumeName ?? '';
    const place = `${volume} ${found.spec.nodeName}`;
    const change = (edit: object): void =>
      void server.change(volumeattachments, name, undefined, (before) => ({ ...before, ...edit }) as New<VolumeAttachment>);
    if (deletionTimestamp !== undefined) {
      if (this.mounted.has(place)) this.violations.push(`${place} is detached while it is mounted`);
      this.attached.delete(place);
      server.erase(volumeattachments, name);
    } else if (!finalizers.includes(FINALIZER)) change({ metadata: { ...found.metadata, finalizers: [FINALIZER] } });
    else if (mood === 'fails') change({ status: { attached: false, attachError: { message: 'no slot', time: null } } });
    else {
      const others = NODES.filter((node) => node !== found.spec.nodeName && this.attached.has(`${volume} ${node}`));
      if (EXCLUSIVE.includes(volume) && others.length > 0) this.violations.push(`${place} is attached, and at ${others.join()} too`);
      this.attached.add(place);
      change({ status: { attached: true } });
    }
    return true;
  }

  wanted(node: string): readonly string[] {
    const of = this.#world.server.stored(pods).filter(({ spec }) => spec.nodeName === node);
    return [...new Set(of.map(({ spec }: Pod) => spec.volumes?.[0]?.persistentVolumeClaim?.claimName ?? ''))];
  }

  /** What nodes are told that they have. */
  told(): readonly string[] {
    return NODES.flatMap((name) => (this.#node(name).status?.volumesAttached ?? []).map((each) => `${handleOf(each.name)} ${name}`));
  }

  #node(name: string): Node {
    return this.#world.server.stored(nodes).find(({ metadata }) => metadata.name === name) as Node;
  }

  /** By the VolumeAttachment, as a kubelet asks for it. */
  #isAttached(volume: string, node: string): boolean {
    return this.#world.server
      .stored(volumeattachments)
      .some(
        ({ metadata, spec, status }) =>
          spec.nodeName === node &&
          spec.source.persistentVolumeName === volume &&
          status?.attached === true &&
          metadata.deletionTimestamp === undefined,
      );
  }
}

async function run(seed: number, jitter?: number): Promise<readonly string[]> {
  const world = await simulate([attachDetachController], seed, jitter === undefined ? {} : { jitter });
  const { server, below, pick } = world;
  const machines = new Machines(world);
  /** With all at work, until nothing happens. */
  const settle = async (): Promise<void> => {
    for (let busy = true; busy;) {
      await world.quiet();
      busy = machines.attacher();
      for (const node of NODES) busy = machines.kubelet(node) || busy;
    }
  };
  for (let step = 0; step < STEPS; step++) {
    switch (below(18)) {
      case 0:
      case 1:
      case 2:
        machines.startPod();
        break;
      case 3:
      case 4:
        machines.endPod();
        break;
      case 5:
        server.failNext({ verb: 'create', resource: 'volumeattachments' }, tooManyRequests('busy', 0), below(3));
        server.failNext({ verb: 'delete', resource: 'volumeattachments' }, conflict(volumeattachments, 'va', 'changed'), below(2));
        server.failNext({ verb: 'patch', resource: 'nodes' }, tooManyRequests('busy', 0), below(3));
        break;
      case 6:
        server.breakWatches();
        break;
      case 7:
        world.hold(pick(['volumeattachments', 'nodes', 'pods']) as string);
        break;
      case 8:
        world.catchUp();
        break;
      case 9:
        await world.restart();
        break;
      case 10:
        machines.attacher('fails');
        break;
      case 11:
        await settle();
        break;
      default:
        if (below(2) === 0) machines.attacher();
        else machines.kubelet(pick(NODES) as string);
    }
    await world.turns(below(6));
    assert.deepEqual(machines.violations, [], `seed ${seed}, step ${step}`);
  }

  // One user for each volume is left: all of them get theirs.
  const left = new Map(server.stored(pods).map((pod) => [pod.spec.volumes?.[0]?.persistentVolumeClaim?.claimName, pod]));
  for (const pod of server.stored(pods)) if (![...left.values()].includes(pod)) server.erase(pods, pod.metadata.name, NAMESPACE);
  await settle();
  const want = NODES.flatMap((node) => machines.wanted(node).map((volume) => `${volume} ${node}`)).toSorted();
  assert.deepEqual(machines.violations, [], `seed ${seed}`);
  assert.deepEqual([...machines.mounted].toSorted(), want, `seed ${seed}: mounted`);
  assert.deepEqual(machines.told().toSorted(), want, `seed ${seed}: told`);
  assert.deepEqual([...machines.attached].toSorted(), want, `seed ${seed}: attached`);

  for (const { metadata } of server.stored(pods)) server.erase(pods, metadata.name, NAMESPACE);
  await settle();
  assert.deepEqual(
    [machines.violations, machines.told(), [...machines.attached], server.stored(volumeattachments)],
    [[], [], [], []],
    `seed ${seed}`,
  );
  return endAtRest(world);
}

for (let seed = 1; seed <= 8; seed++) test(`attach-detach keeps volumes where they may be, seed ${seed}`, () => run(seed).then(() => {}));
for (let seed = 1; seed <= 4; seed++)
  test(`attach-detach, with answers in another order, seed ${seed}`, () => run(seed, seed + 100).then(() => {}));

test('attach-detach replays to the same requests', () => assertReplays(run));
