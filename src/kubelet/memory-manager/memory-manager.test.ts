import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { CheckpointError } from '../checkpoint-file.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { MachineNode } from '../node/machine-topology.ts';
import { container, pod } from '../testing/pods.ts';
import { MemoryManager, reservedMemory } from './memory-manager.ts';
import { MemoryError, MemoryStateError, StaticMemoryPolicy } from './static-policy.ts';

const GIB = 2 ** 30;
const node = (id: number): MachineNode => ({ id, memory: 10 * GIB, hugePages: { '1Gi': 2 * GIB }, distances: [] });
const NODES = [node(0), node(1)];
/** Of ten GiB a node has two as huge pages and one for the system: seven are left. */
const RESERVED = { 0: { memory: GIB }, 1: { memory: GIB } };
const policy = (): StaticMemoryPolicy => new StaticMemoryPolicy(NODES, RESERVED);

const asks = (memory: string, more: Record<string, string> = {}) => {
  const list = { cpu: '1', memory, ...more };
  return { resources: { requests: list, limits: list } };
};
const guaranteed = (name: string, containers: Pod['spec']['containers'], initContainers: Pod['spec']['initContainers'] = []): Pod =>
  pod({ name, spec: { containers, initContainers }, status: { qosClass: 'Guaranteed' } });
const one = (name: string, memory: string, more?: Record<string, string>): Pod => guaranteed(name, [container('app', asks(memory, more))]);
const app = ({ spec }: Pod) => spec.containers[0] as Pod['spec']['containers'][number];
const ANYWHERE = { affinity: undefined, preferred: false };
const free = (of: StaticMemoryPolicy, id: number, kind = 'memory'): number => (of.state[id]?.memoryMap[kind]?.free ?? NaN) / GIB;

test('memory comes from one node where that has enough, and from both where none has', () => {
  const memory = policy();
  assert.deepEqual(memory.hints(one('a', '3Gi'), app(one('a', '3Gi'))), {
    memory: [
      { affinity: 0b01, preferred: true },
      { affinity: 0b10, preferred: true },
      { affinity: 0b11, preferred: false },
    ],
  });
  const large = one('large', '8Gi');
  assert.deepEqual(memory.hints(large, app(large)), { memory: [{ affinity: 0b11, preferred: true }] });
  memory.allocate(large, app(large), ANYWHERE);
  assert.deepEqual([free(memory, 0), free(memory, 1)], [0, 6]);
  assert.deepEqual(memory.state[0]?.cells, [0, 1]);
  assert.deepEqual(memory.hints(one('b', '3Gi'), app(one('b', '3Gi'))), { memory: [{ affinity: 0b11, preferred: false }] });
  memory.release('uid-large');
  assert.deepEqual(memory.state, policy().state);
});

test('a node that is in use alone is not given out with others', () => {
  const memory = policy();
  const [small, large] = [one('small', '1Gi'), one('large', '8Gi')];
  memory.allocate(small, app(small), { affinity: 0b01, preferred: true });
  assert.deepEqual(memory.hints(large, app(large)), {}, 'no hint is no preference, as upstream has it');
  assert.throws(
    () => memory.allocate(large, app(large), ANYWHERE),
    new MemoryError('[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available'),
  );
});

test('what was decided for all resources is widened where it is not enough, but not against what was preferred', () => {
  const large = one('large', '8Gi');
  const memory = policy();
  memory.allocate(large, app(large), { affinity: 0b10, preferred: false });
  assert.deepEqual(memory.blocksOf('uid-large', 'app'), [{ numaAffinity: [0, 1], type: 'memory', size: 8 * GIB }]);
  const other = policy();
  const pages = one('pages', '1Gi', { 'hugepages-1Gi': '2Gi' });
  other.allocate(pages, app(pages), { affinity: 0b10, preferred: true });
  assert.deepEqual([free(other, 1), free(other, 1, 'hugepages-1Gi'), free(other, 0)], [6, 0, 7]);
});

test('init containers pass their memory on to those after them, sidecars do not', () => {
  const init = [container('first', asks('2Gi')), container('side', { ...asks('1Gi'), restartPolicy: 'Always' })];
  const web = guaranteed('web', [container('app', asks('3Gi'))], init);
  const memory = policy();
  for (const each of [...init, ...web.spec.containers]) memory.allocate(web, each, { affinity: 0b01, preferred: true });
  assert.equal(free(memory, 0), 7 - 4 + 0 - 0 + 0);
  assert.deepEqual(memory.podHints(guaranteed('other', [container('app', asks('3Gi'))], init)), {
    memory: [
      { affinity: 0b10, preferred: true },
      { affinity: 0b11, preferred: false },
    ].filter(({ affinity }) => affinity === 0b10),
  });
  memory.release('uid-web');
  assert.deepEqual(memory.state, policy().state);
});

test('pods of other classes, and those with resources of their own, are not served', () => {
  const memory = policy();
  const burstable = pod({ name: 'b', spec: { containers: [container('app', asks('1Gi'))] }, status: { qosClass: 'Burstable' } });
  const whole = one('w', '1Gi');
  const podLevel = { ...whole, spec: { ...whole.spec, resources: { limits: { memory: '1Gi' } } } };
  for (const each of [burstable, podLevel]) {
    assert.deepEqual([memory.hints(each, app(each)), memory.podHints(each)], [{}, {}]);
    assert.equal(memory.allocate(each, app(each), ANYWHERE), false);
  }
});

test('what was given is kept in a file of upstream form, and a file that does not fit is refused', (t) => {
  const path = join(temporaryFolder(t), 'memory_manager_state');
  const metrics = new KubeletMetrics();
  const open = (reserved = RESERVED): MemoryManager => new MemoryManager({ nodes: NODES, reserved, path, metrics });
  const web = one('web', '3Gi');
  open().allocate(web, app(web), { affinity: 0b10, preferred: true });
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  assert.deepEqual(kept['entries'], { 'uid-web': { app: [{ numaAffinity: [1], type: 'memory', size: 3 * GIB }] } });
  assert.deepEqual((kept['machineState'] as Record<string, unknown>)['1'], {
    numberOfAssignments: 1,
    memoryMap: {
      'hugepages-1Gi': { total: 2 * GIB, systemReserved: 0, allocatable: 2 * GIB, reserved: 0, free: 2 * GIB },
      memory: { total: 10 * GIB, systemReserved: GIB, allocatable: 7 * GIB, reserved: 3 * GIB, free: 4 * GIB },
    },
    cells: [1],
  });
  assert.deepEqual(open().nodesOf('uid-web', 'app'), [1]);
  assert.throws(
    () => open({ 0: { memory: 2 * GIB }, 1: { memory: GIB } }),
    new MemoryStateError('[memorymanager] the expected machine state is different from the real one'),
  );
  writeFileSync(path, readFileSync(path, 'utf8').replace('uid-web', 'uid-wet'));
  assert.throws(() => open(), CheckpointError);
});

test('reservedMemory sums up to what the node keeps back', () => {
  const given = [
    { numaNode: 0, limits: { memory: '1Gi' } },
    { numaNode: 1, limits: { memory: '1Gi', 'hugepages-2Mi': '4Mi' } },
  ];
  assert.deepEqual(reservedMemory(given, { memory: 2 * GIB, 'hugepages-2Mi': 4 * 2 ** 20 }), {
    0: { memory: GIB },
    1: { memory: GIB, 'hugepages-2Mi': 4 * 2 ** 20 },
  });
  assert.throws(
    () => reservedMemory(given, { memory: 3 * GIB }),
    /the total amount "2Gi" of type "memory" is not equal to the value "3Gi" determined by Node Allocatable feature/,
  );
});
