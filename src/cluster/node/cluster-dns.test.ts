import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { endpointslices, namespaces, nodes } from '#api/resources.ts';
import type { EndpointSlice, New, Node } from '#api/types.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { startControllerTest } from '#test/harness/controllers.ts';
import { eventually } from '#test/harness/eventually.ts';
import { serveClusterDns } from './cluster-dns.ts';

test('serveClusterDns listens and publishes in the end, whatever is in the way at first, and again when its slice is removed', async (t) => {
  const { client, stop } = await startControllerTest({ controllers: [] });
  t.after(stop);
  const ending = new AbortController();
  const informers = createInformerFactory({ client, logger: silentLogger, clock: systemClock, ids: seededIds(1) });
  const slices = informers.informer<EndpointSlice>(endpointslices);
  informers.start(ending.signal);
  const refusals = [Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen' })];
  const listening: unknown[] = [];
  const running = serveClusterDns(
    {
      dns: {
        async start(listen) {
          const refusal = refusals.pop();
          if (refusal !== undefined) throw refusal;
          listening.push(...listen);
          return listen;
        },
      },
      ready: Promise.resolve(['10.244.0.1']),
      slices,
      client,
      nodeName: 'boat',
      // What it waits for has happened by then.
      clock: { ...systemClock, after: (delayMs, fire) => systemClock.after(delayMs / 100, fire) },
      logger: silentLogger,
    },
    ending.signal,
  );
  await eventually(async () => assert.deepEqual(listening, [{ address: '10.244.0.1', port: 53 }]));
  await client.create(namespaces, { metadata: { name: 'kube-system' } }).catch(() => {});
  const { metadata } = await client.create(nodes, { metadata: { name: 'boat' } } as New<Node>); // only now: it is not yet registered before
  const place = { name: 'kube-dns-boat', namespace: 'kube-system' };
  const published = async (): Promise<string> => {
    const slice = await client.get(endpointslices, place);
    assert.deepEqual(slice.endpoints?.[0]?.addresses, ['10.244.0.1']);
    assert.equal(slice.metadata.ownerReferences?.[0]?.uid, metadata.uid);
    return slice.metadata.uid;
  };
  await eventually(async () => void (await published()));
  const first = await published();
  await eventually(async () => assert.ok(slices.get('kube-dns-boat', 'kube-system')));
  await client.delete(endpointslices, place);
  await eventually(async () => assert.notEqual(await published(), first));
  ending.abort(new Error('done'));
  await running;
});
