import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { configmaps, deployments, events, jobs, leases, namespaces, nodes, poddisruptionbudgets, pods, services } from '#api/resources.ts';
import { events as eventsV1 } from '#api/gen/resources.ts';
import type { Namespace, New, Pod, Service } from '#api/types.ts';
import { isStatusError, StatusError, type StatusReason } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { StoreUnavailableError } from '#store/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

const clock = new ManualClock();
let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({ clock });
  ({ client } = running);
});
after(() => running.stop());

const NS = 'default';

async function refused(promise: Promise<unknown>, reason: StatusReason, message?: RegExp | string): Promise<StatusError> {
  let caught: unknown;
  await promise.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(isStatusError(caught), `not refused: ${String(caught)}`);
  assert.equal(caught.reason, reason, caught.message);
  if (message instanceof RegExp) assert.match(caught.message, message);
  else if (message !== undefined) assert.equal(caught.message, message);
  return caught;
}

const aPod = (name: string, spec: object = {}): New<Pod> =>
  ({ metadata: { name, namespace: NS }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }) as New<Pod>;

describe('create', () => {
  test('refuses a resourceVersion', async () => {
    await refused(
      client.create(configmaps, { metadata: { name: 'rv', namespace: NS, resourceVersion: '5' } }),
      '',
      'resourceVersion should not be set on objects to be created',
    );
  });

  // The store asks only whether it can read a version.
  for (const resourceVersion of ['v1', '0', '-5', '18446744073709551616'])
    test(`takes resourceVersion ${resourceVersion} for none`, async () => {
      const metadata = { name: `rv${resourceVersion}x`, namespace: NS, resourceVersion };
      const made = await client.create(configmaps, { metadata });
      assert.ok(BigInt(made.metadata.resourceVersion as string) > 0n);
      assert.deepEqual(await client.get(configmaps, metadata), made);
    });

  test('takes any resourceVersion in a dry run, which asks the store for nothing', async () => {
    const metadata = { name: 'dry', namespace: NS, resourceVersion: '5' };
    const dry = await client.create(configmaps, { metadata }, { dryRun: true });
    assert.equal(dry.metadata.name, 'dry');
    await refused(client.get(configmaps, metadata), 'NotFound');
  });

  test('tells what is wrong with an object before it tells that it has a resourceVersion', async () => {
    await refused(client.create(configmaps, { metadata: { name: 'NO', namespace: NS, resourceVersion: '5' } }), 'Invalid', /NO/);
  });

  test('ignores what only the server sets', async () => {
    const made = await client.create(configmaps, {
      metadata: {
        name: 'wiped',
        namespace: NS,
        uid: 'mine',
        creationTimestamp: '2001-01-01T00:00:00Z',
        deletionTimestamp: '2001-01-01T00:00:00Z',
      },
    });
    assert.notEqual(made.metadata.uid, 'mine');
    assert.equal(made.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
    assert.equal(made.metadata.deletionTimestamp, undefined);
  });

  test('tries other generated names when one is taken', async () => {
    let draws = 0;
    const fixed = await startLoopbackServer({
      ids: { ...(await import('#base/ids.ts')).randomIds, suffix: () => (++draws < 3 ? 'aaaaa' : `bbbb${draws}`) },
    });
    const names = [];
    for (let i = 0; i < 2; i++)
      names.push((await fixed.client.create(configmaps, { metadata: { generateName: 'g-', namespace: NS } })).metadata.name);
    assert.deepEqual(names, ['g-aaaaa', 'g-bbbb3']);
    await fixed.stop();
  });

  test('gives up after eight generated names, and says that another try may do', async () => {
    let draws = 0;
    const suffix = (): string => {
      draws++;
      return 'aaaa0';
    };
    const fixed = await startLoopbackServer({ ids: { ...(await import('#base/ids.ts')).randomIds, suffix } });
    const make = () => fixed.client.create(configmaps, { metadata: { generateName: 'g-', namespace: NS } });
    await make();
    draws = 0;
    await assert.rejects(make(), (error) => {
      assert.ok(error instanceof StatusError);
      const { reason, code, message, details } = error;
      assert.deepEqual([reason, code], ['AlreadyExists', 409]);
      assert.equal(message, 'configmaps "g-aaaa0" already exists, the server was not able to generate a unique name for the object');
      assert.deepEqual(details, { name: 'g-aaaa0', kind: 'configmaps', retryAfterSeconds: 1 });
      return true;
    });
    assert.equal(draws, 8);
    await fixed.stop();
  });

  test('says that a name is still being deleted', async () => {
    await client.create(configmaps, { metadata: { name: 'going', namespace: NS, finalizers: ['x/y'] } });
    await client.delete(configmaps, { name: 'going', namespace: NS });
    await refused(
      client.create(configmaps, { metadata: { name: 'going', namespace: NS } }),
      'AlreadyExists',
      'object is being deleted: configmaps "going" already exists',
    );
  });

  test('sets generation and status by the rules of the kind', async () => {
    const pod = await client.create(pods, { ...aPod('fresh'), status: { phase: 'Running' } } as New<Pod>);
    assert.deepEqual([pod.status.phase, pod.status.qosClass, pod.metadata.generation], ['Pending', 'BestEffort', 1]);
    const node = await client.create(nodes, { metadata: { name: 'n1' }, status: { nodeInfo: { kubeletVersion: 'v1' } } });
    assert.equal(node.status.nodeInfo?.kubeletVersion, 'v1');
    const namespace = await client.create(namespaces, { metadata: { name: 'fresh' } });
    assert.deepEqual([namespace.status.phase, namespace.spec.finalizers], ['Active', ['kubernetes']]);
    const job = await client.create(jobs, {
      metadata: { name: 'fresh', namespace: NS },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    });
    assert.deepEqual(job.spec.selector?.matchLabels, { 'batch.kubernetes.io/controller-uid': job.metadata.uid });
    assert.equal(job.spec.template.metadata?.labels?.['job-name'], 'fresh');
  });

  test('of an event lasts an hour', async () => {
    await client.create(events, {
      metadata: { name: 'e', namespace: NS },
      involvedObject: { namespace: NS, kind: 'Pod', name: 'p' },
      reason: 'R',
      type: 'Normal',
    });
    const seen = await client.get(eventsV1, { name: 'e', namespace: NS });
    assert.equal(seen.reason, 'R');
    clock.advance(3_600_000 + 200_000);
    // Expiry is a write of the store, which comes back in later turns.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await refused(client.get(events, { name: 'e', namespace: NS }), 'NotFound');
  });
});

describe('update', () => {
  test('without a change writes nothing', async () => {
    const made = await client.create(configmaps, { metadata: { name: 'same', namespace: NS }, data: { a: '1' } });
    const again = await client.update(configmaps, made);
    assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
  });

  test('that only tells members in another order writes nothing', async () => {
    const made = await client.create(services, {
      metadata: { name: 'turned', namespace: NS, annotations: { b: '2', a: '1' } },
      spec: { ports: [{ port: 80 }], selector: { a: 'b' } },
    } as New<Service>);
    const turned = Object.fromEntries(Object.entries(made.spec).toReversed()) as unknown as Service['spec'];
    const again = await client.update(services, {
      ...made,
      metadata: { ...made.metadata, annotations: { a: '1', b: '2' } },
      spec: turned,
    });
    assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
    const changed = await client.update(services, { ...made, spec: { ...turned, selector: { a: 'c' } } });
    assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion);
    assert.deepEqual(changed.spec.selector, { a: 'c' });
  });

  test('creates where the kind allows it, and only there', async () => {
    const lease = await client.update(leases, { metadata: { name: 'upsert', namespace: NS }, spec: { holderIdentity: 'me' } });
    assert.equal(lease.spec.holderIdentity, 'me');
    await refused(client.update(configmaps, { metadata: { name: 'upsert', namespace: NS } }), 'NotFound', 'configmaps "upsert" not found');
  });

  test('asks for a version where the kind does', async () => {
    const made = await client.create(poddisruptionbudgets, {
      metadata: { name: 'b', namespace: NS },
      spec: { selector: { matchLabels: { a: 'b' } } },
    });
    const { resourceVersion: _gone, ...metadata } = made.metadata;
    await refused(
      client.update(poddisruptionbudgets, { ...made, metadata } as never),
      'Invalid',
      'poddisruptionbudgets.policy "b" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });

  test('counts changes of what is asked for, and no others', async () => {
    const made = await client.create(deployments, {
      metadata: { name: 'counted', namespace: NS },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const labelled = await client.update(deployments, { ...made, metadata: { ...made.metadata, labels: { x: 'y' } } });
    assert.equal(labelled.metadata.generation, 1);
    const scaled = await client.update(deployments, { ...labelled, spec: { ...labelled.spec, replicas: 3 } });
    assert.equal(scaled.metadata.generation, 2);
    const status = await client.update(
      deployments,
      { ...scaled, spec: { ...scaled.spec, replicas: 9 }, status: { ...scaled.status, observedGeneration: 2 } },
      { subresource: 'status' },
    );
    assert.deepEqual([status.metadata.generation, status.spec.replicas, status.status.observedGeneration], [2, 3, 2]);
  });

  test('refuses another uid', async () => {
    const made = await client.create(configmaps, { metadata: { name: 'uid', namespace: NS } });
    await refused(
      client.update(configmaps, { ...made, metadata: { ...made.metadata, uid: 'other', resourceVersion: '' } }),
      'Conflict',
      /Precondition failed: UID in precondition: other/,
    );
  });

  test('that takes the last finalizer away ends the object', async () => {
    await client.create(configmaps, { metadata: { name: 'last', namespace: NS, finalizers: ['x/y'] } });
    const marked = (await client.delete(configmaps, { name: 'last', namespace: NS })) as { metadata: { deletionTimestamp?: string } };
    assert.ok(marked.metadata.deletionTimestamp !== undefined);
    await client.patch(configmaps, { name: 'last', namespace: NS }, { type: 'merge', body: { metadata: { finalizers: null } } });
    await refused(client.get(configmaps, { name: 'last', namespace: NS }), 'NotFound');
  });

  test('of a stale cache is repeated on what is really there', async () => {
    const made = await client.create(configmaps, { metadata: { name: 'stale', namespace: NS }, data: { n: '0' } });
    // Both patches start from the same cached object; the second must not undo the first.
    await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        client.patch(configmaps, { name: 'stale', namespace: NS }, { type: 'merge', body: { data: { [key]: '1' } } }),
      ),
    );
    const now = await client.get(configmaps, { name: 'stale', namespace: NS });
    assert.deepEqual(now.data, { n: '0', a: '1', b: '1', c: '1' });
    await refused(
      client.update(configmaps, { ...made, data: { n: '9' } }),
      'Conflict',
      /the object has been modified; please apply your changes to the latest version and try again$/,
    );
  });
});

for (const engine of ['embedded', 'etcd'] as const) {
  for (const dryRun of [false, true]) {
    test(`An update on ${engine}${dryRun ? ', a rehearsal' : ''} that would change nothing of what a late watch has shown looks at what is there`, async () => {
      const late = await startLoopbackServer({ clock, engine });
      try {
        const to = (n: string, dry = false) =>
          late.client.patch(configmaps, { name: 'late', namespace: NS }, { type: 'merge', body: { data: { n } } }, { dryRun: dry });
        const made = await late.client.create(configmaps, { metadata: { name: 'late', namespace: NS }, data: { n: '0' } });
        await late.client.get(configmaps, { name: 'late', namespace: NS });
        const release = late.store.holdWatches();
        const first = await to('1');
        const back = to('0', dryRun);
        await Promise.race([back, new Promise(setImmediate)]);
        release();
        const second = await back;
        assert.deepEqual(
          [made, first, second].map(({ data }) => data?.['n']),
          ['0', '1', '0'],
        );
        const { data } = await late.client.get(configmaps, { name: 'late', namespace: NS });
        assert.deepEqual([data, second.metadata.resourceVersion === first.metadata.resourceVersion], [{ n: dryRun ? '1' : '0' }, dryRun]);
      } finally {
        await late.stop();
      }
    });
  }
}

for (const engine of ['embedded', 'etcd'] as const) {
  for (const [outcome, reason] of [
    ['none', 'ServiceUnavailable'],
    ['unknown', 'Timeout'],
  ] as const) {
    test(`An update on ${engine} whose transaction fails is not done a second time: what became of it is ${outcome}`, async () => {
      const failing = await startLoopbackServer({ clock, engine });
      try {
        const name = { name: 'once', namespace: NS };
        await failing.client.create(configmaps, { metadata: { ...name, finalizers: ['a/a'] } });
        failing.store.failures.push(new StoreUnavailableError('connection lost', outcome));
        const body = [{ op: 'add', path: '/metadata/finalizers/-', value: 'b/b' }] as const;
        await refused(failing.client.patch(configmaps, name, { type: 'json', body }), reason);
        assert.deepEqual((await failing.client.get(configmaps, name)).metadata.finalizers, ['a/a']);
        failing.store.failures.push(new StoreUnavailableError('connection lost', outcome));
        await refused(failing.client.update(configmaps, { metadata: name, data: { n: '1' } } as never), reason);
        assert.equal((await failing.client.get(configmaps, name)).data, undefined);
      } finally {
        await failing.stop();
      }
    });
  }
}

describe('delete', () => {
  test('of a bound pod waits for its kubelet', async () => {
    await client.create(pods, aPod('bound', { nodeName: 'n1', terminationGracePeriodSeconds: 20 }));
    const going = (await client.delete(pods, { name: 'bound', namespace: NS })) as Pod;
    assert.equal(going.metadata.deletionGracePeriodSeconds, 20);
    assert.equal(going.metadata.generation, 2);
    const gone = (await client.delete(pods, { name: 'bound', namespace: NS }, { gracePeriodSeconds: 0 })) as Pod;
    assert.equal(gone.kind, 'Pod');
    await refused(client.get(pods, { name: 'bound', namespace: NS }), 'NotFound');
  });

  test('of a namespace waits until it is finalized', async () => {
    await client.create(namespaces, { metadata: { name: 'emptied' } });
    const going = (await client.delete(namespaces, { name: 'emptied' })) as Namespace;
    assert.equal(going.status.phase, 'Terminating');
    await client.update(namespaces, { ...going, spec: { finalizers: [] } });
    assert.equal((await client.get(namespaces, { name: 'emptied' })).spec.finalizers?.length, 1, 'only finalize takes them away');
    await client.update(namespaces, { ...going, metadata: { name: 'emptied' }, spec: { finalizers: [] } } as never, {
      subresource: 'finalize',
    });
    await refused(client.get(namespaces, { name: 'emptied' }), 'NotFound');
  });

  test('answers with a Status that names what is gone', async () => {
    const made = await client.create(configmaps, { metadata: { name: 'gone', namespace: NS } });
    assert.deepEqual(await client.delete(configmaps, { name: 'gone', namespace: NS }), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'gone', kind: 'configmaps', uid: made.metadata.uid },
    });
  });

  test('as a dry run takes nothing away', async () => {
    await client.create(configmaps, { metadata: { name: 'stays', namespace: NS } });
    await client.delete(configmaps, { name: 'stays', namespace: NS }, { dryRun: true });
    await client.get(configmaps, { name: 'stays', namespace: NS });
  });
});

describe('the store', () => {
  test('that cannot be reached is reported, not half used', async () => {
    running.store.failures.push(new StoreUnavailableError('disk full'));
    await refused(
      client.create(configmaps, { metadata: { name: 'unlucky', namespace: NS } }),
      'ServiceUnavailable',
      'storage is unavailable: disk full',
    );
    running.store.failures.push(new StoreUnavailableError('connection lost', 'unknown'));
    await refused(client.create(configmaps, { metadata: { name: 'unlucky', namespace: NS } }), 'Timeout');
    await client.create(configmaps, { metadata: { name: 'unlucky', namespace: NS } });
  });
});

describe('admission', () => {
  test('sees each write, may change it and may refuse it', async () => {
    const seen: string[] = [];
    const guarded = await startLoopbackServer({
      parts: {
        admission: {
          mutating: [
            {
              name: 'Stamp',
              operations: ['CREATE', 'UPDATE'],
              admit: ({ operation, object, oldObject }) => {
                seen.push(`admit ${operation} ${object?.metadata.name} ${oldObject === undefined ? 'new' : 'old'}`);
                if (object?.kind !== 'ConfigMap') return undefined;
                return { ...object, metadata: { ...object.metadata, labels: { stamp: 'yes' } } };
              },
            },
          ],
          validating: [
            {
              name: 'Guard',
              operations: ['CREATE', 'UPDATE', 'DELETE'],
              validate: ({ operation, name, object }) => {
                seen.push(`validate ${operation} ${name} ${object?.metadata.labels?.['stamp'] ?? '-'}`);
                if (name === 'bad') throw new StatusError('Forbidden', 'no');
              },
            },
          ],
        },
      },
    });
    const made = await guarded.client.create(configmaps, { metadata: { name: 'a', namespace: NS } });
    assert.deepEqual(made.metadata.labels, { stamp: 'yes' });
    await guarded.client.update(configmaps, { ...made, data: { a: 'b' } });
    await guarded.client.delete(configmaps, { name: 'a', namespace: NS });
    await refused(guarded.client.create(configmaps, { metadata: { name: 'bad', namespace: NS } }), 'Forbidden', 'no');
    await refused(guarded.client.get(configmaps, { name: 'bad', namespace: NS }), 'NotFound');
    assert.deepEqual(seen, [
      'admit CREATE a new',
      'validate CREATE a yes',
      'admit UPDATE a old',
      'validate UPDATE a yes',
      'validate DELETE a -',
      'admit CREATE bad new',
      'validate CREATE bad yes',
    ]);
    await guarded.stop();
  });
});

describe('services', () => {
  const service = (name: string, spec: object = {}) => ({ metadata: { name, namespace: NS }, spec: { ports: [{ port: 80 }], ...spec } });

  test('never share an address or a node port, however many are made at once', async () => {
    // 14 addresses and 20 ports, and 30 writers.
    const network = { cidrs: ['10.0.0.0/28'], nodePorts: { first: 30_000, last: 30_019 } };
    const small = await startLoopbackServer({ options: { serviceNetwork: network } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => small.client.create(services, service(`s-${i}`, { type: 'NodePort' }) as never)),
    );
    const made = outcomes.filter((one) => one.status === 'fulfilled').map((one) => one.value);
    assert.equal(made.length, 14);
    assert.equal(new Set(made.map(({ spec }) => spec.clusterIP)).size, 14);
    assert.equal(new Set(made.map(({ spec }) => spec.ports?.[0]?.nodePort)).size, 14);
    for (const one of outcomes)
      if (one.status === 'rejected') assert.match(String(one.reason), /failed to allocate a serviceIP: range is full/);
    await small.client.delete(services, { name: made[0]?.metadata.name as string, namespace: NS });
    const next = await small.client.create(services, service('next') as never);
    assert.equal(next.spec.clusterIP, made[0]?.spec.clusterIP, 'what is given back can be given again');
    await small.stop();
  });

  test('of two servers over one store never share an address', async () => {
    const options = { serviceNetwork: { cidrs: ['10.0.0.0/28'], nodePorts: { first: 30_000, last: 30_100 } } };
    const one = await startLoopbackServer({ options });
    const other = await startLoopbackServer({ options: { ...options, store: one.store } });
    const made = await Promise.all(
      Array.from({ length: 14 }, (_, i) => (i % 2 === 0 ? one : other).client.create(services, service(`s-${i}`) as never)),
    );
    assert.equal(new Set(made.map(({ spec }) => spec.clusterIP)).size, 14);
    await other.server.stop();
    await one.stop();
  });

  test("are refused an address that is taken or out of range, in upstream's words", async () => {
    const made = await client.create(services, service('holder') as never);
    const { clusterIP } = made.spec;
    await refused(
      client.create(services, service('wants', { clusterIP }) as never),
      'Invalid',
      `Service "wants" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: provided IP is already allocated`,
    );
    await refused(
      client.create(services, service('wants', { clusterIP: '1.2.3.4' }) as never),
      'Invalid',
      /the provided network does not match the current range$/,
    );
    await refused(
      client.create(services, service('wants', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }) as never),
      'Invalid',
      'Service "wants" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
  });

  test('give TCP and UDP of one port one node port when they are made, and one each when they are changed', async () => {
    const dns = [
      { name: 'tcp', port: 53, protocol: 'TCP' },
      { name: 'udp', port: 53, protocol: 'UDP' },
    ];
    const nodePorts = ({ spec }: Service): readonly unknown[] => (spec.ports ?? []).map(({ nodePort }) => nodePort);
    const made = await client.create(services, service('dns', { type: 'NodePort', ports: dns }) as never);
    assert.equal(new Set(nodePorts(made)).size, 1);
    const plain = await client.create(services, service('dns-later', { ports: dns }) as never);
    const next = await client.update(services, { ...plain, spec: { ...plain.spec, type: 'NodePort' } });
    assert.equal(new Set(nodePorts(next)).size, 2);
  });

  test('keep what they were given when an update leaves it out', async () => {
    const made = await client.create(services, service('kept', { type: 'NodePort' }) as never);
    const next = await client.update(services, {
      metadata: made.metadata,
      spec: { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP' }], selector: { a: 'b' } },
    } as never);
    assert.deepEqual([next.spec.clusterIP, next.spec.ports?.[0]?.nodePort], [made.spec.clusterIP, made.spec.ports?.[0]?.nodePort]);
    const plain = await client.patch(services, { name: 'kept', namespace: NS }, { type: 'merge', body: { spec: { type: 'ClusterIP' } } });
    assert.equal(plain.spec.ports?.[0]?.nodePort, undefined);
    const named = await client.patch(
      services,
      { name: 'kept', namespace: NS },
      { type: 'merge', body: { spec: { type: 'ExternalName', externalName: 'example.com' } } },
    );
    assert.deepEqual([named.spec.clusterIP, named.spec.clusterIPs], [undefined, undefined]);
    await client.create(services, service('heir', { clusterIP: made.spec.clusterIP }) as never);
  });

  test('without an address by wish get none', async () => {
    const made = await client.create(services, service('headless', { clusterIP: 'None', selector: { a: 'b' } }) as never);
    assert.deepEqual([made.spec.clusterIP, made.spec.clusterIPs, made.spec.ipFamilies], ['None', ['None'], ['IPv4']]);
  });
});
