import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitranges, persistentvolumeclaims, pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { MemoryReader } from '../authorization/testing.ts';
import { limitRanger } from './limit-ranger.ts';
import { admitted, refused, write } from './testing.ts';

function setUp(...limits: object[]) {
  const reader = new MemoryReader();
  reader.put(limitranges, { metadata: { name: 'l', namespace: 'a' }, spec: { limits } } as never);
  return limitRanger({ reader });
}
const meta = { name: 'p', namespace: 'a' };
const pod = (resources: object, init?: object) => ({
  metadata: meta,
  spec: { containers: [{ name: 'c', resources }], ...(init === undefined ? {} : { initContainers: [{ name: 'i', resources: init }] }) },
});

test('LimitRanger fills requests and limits of containers and says so', async () => {
  const plugin = setUp(
    { type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '500m' } },
    { type: 'Pod', default: { cpu: '9' } },
  );
  const filled = await admitted<Pod>(plugin, write(pods, { object: pod({ limits: { memory: '2Gi' } }, {}) as never }), assert.deepEqual);
  assert.deepEqual(filled.spec.containers[0]?.resources, { limits: { cpu: '1', memory: '2Gi' }, requests: { cpu: '500m' } });
  assert.deepEqual(filled.spec.initContainers?.[0]?.resources, { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } });
  assert.deepEqual(filled.metadata.annotations, {
    'kubernetes.io/limit-ranger':
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c; cpu request for init container i; cpu, memory limit for init container i',
  });
});

test('LimitRanger leaves a pod that says everything alone', async () => {
  const plugin = setUp({ type: 'Container', default: { cpu: '1' } });
  assert.equal(await plugin.admit(write(pods, { object: pod({ limits: { cpu: '2' } }) as never })), undefined);
});

const CONTAINER = (over: object) => ({ type: 'Container', ...over });
for (const [limit, resources, why] of [
  [CONTAINER({ min: { cpu: '1' } }), { requests: { cpu: '1' } }, undefined],
  [CONTAINER({ min: { cpu: '1' } }), {}, 'minimum cpu usage per Container is 1.  No request is specified'],
  [CONTAINER({ min: { cpu: '1' } }), { requests: { cpu: '999m' } }, 'minimum cpu usage per Container is 1, but request is 999m'],
  [
    CONTAINER({ min: { cpu: '1' } }),
    { requests: { cpu: '1' }, limits: { cpu: '500m' } },
    'minimum cpu usage per Container is 1, but limit is 500m',
  ],
  [CONTAINER({ max: { memory: '1Gi' } }), {}, 'maximum memory usage per Container is 1Gi.  No limit is specified'],
  [CONTAINER({ max: { memory: '1Gi' } }), { limits: { memory: '2Gi' } }, 'maximum memory usage per Container is 1Gi, but limit is 2Gi'],
  [
    CONTAINER({ max: { memory: '1Gi' } }),
    { limits: { memory: '1Gi' }, requests: { memory: '2Gi' } },
    'maximum memory usage per Container is 1Gi, but request is 2Gi',
  ],
  [
    CONTAINER({ maxLimitRequestRatio: { cpu: '2' } }),
    { limits: { cpu: '3' }, requests: { cpu: '1' } },
    'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
  ],
  [
    CONTAINER({ maxLimitRequestRatio: { cpu: '2' } }),
    { limits: { cpu: '3' } },
    'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
  ],
  [
    CONTAINER({ min: { cpu: '1' }, max: { memory: '1' } }),
    {},
    '[minimum cpu usage per Container is 1.  No request is specified, maximum memory usage per Container is 1.  No limit is specified]',
  ],
  [{ type: 'Pod', max: { cpu: '1' } }, { limits: { cpu: '2' } }, 'maximum cpu usage per Pod is 1, but limit is 2'],
] as const) {
  test(`LimitRanger with ${JSON.stringify(limit)} ${why === undefined ? 'admits' : 'refuses'} ${JSON.stringify(resources)}`, async () =>
    assert.equal(
      await refused(setUp(limit), write(pods, { object: pod(resources) as never })),
      why === undefined ? undefined : `pods "p" is forbidden: ${why}`,
    ));
}

test('LimitRanger sums the containers of a pod', async () => {
  const object = { metadata: meta, spec: { containers: [1, 2].map((n) => ({ name: `c${n}`, resources: { limits: { cpu: '600m' } } })) } };
  assert.match(
    (await refused(setUp({ type: 'Pod', max: { cpu: '1' } }), write(pods, { object: object as never }))) ?? '',
    /maximum cpu usage per Pod is 1, but limit is 1200m/,
  );
});

test('LimitRanger bounds claims by what they request', async () => {
  const plugin = setUp({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '10Gi' } });
  const claim = (storage: string) =>
    write(persistentvolumeclaims, {
      object: { metadata: { name: 'c', namespace: 'a' }, spec: { resources: { requests: { storage } } } } as never,
    });
  assert.equal(await refused(plugin, claim('5Gi')), undefined);
  assert.match((await refused(plugin, claim('1Mi'))) ?? '', /minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi/);
  assert.match(
    (await refused(plugin, claim('11Gi'))) ?? '',
    /maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi/,
  );
});

test('LimitRanger looks at creation and resize only', async () => {
  const plugin = setUp(CONTAINER({ max: { cpu: '1' } }));
  const big = pod({ limits: { cpu: '2' } }) as never;
  assert.equal(await refused(plugin, write(pods, { object: big, oldObject: big })), undefined);
  assert.match((await refused(plugin, write(pods, { object: big, oldObject: big, subresource: 'resize' }))) ?? '', /but limit is 2/);
  assert.equal(await refused(plugin, write(pods, { object: big, subresource: 'status', oldObject: big })), undefined);
});
