// What the parts do together: informers, conflicts and waiting, over the client under test.
import assert from 'node:assert/strict';
import { configmaps } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds, seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { createInformerFactory } from '../informer/informer-factory.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { waitFor } from '../wait-for.ts';
import type { Declare } from './subject.ts';

const COUNTERS = 6;

export function declareTogether(declare: Declare): void {
  declare('an informer ends up with what the server has', async ({ client, namespace }) => {
    const stop = new AbortController();
    const factory = createInformerFactory({ client, logger: silentLogger });
    const informer = factory.informer(configmaps, { namespace, labelSelector: 'suite=yes' });
    const seen = new Map<string, string>();
    const reached = Promise.withResolvers<void>();
    informer.addHandlers({
      added(object) {
        assert.equal(seen.has(object.metadata.name), false);
        seen.set(object.metadata.name, object.metadata.resourceVersion);
        if (object.metadata.name === 'last') reached.resolve();
      },
      updated(object, previous) {
        assert.equal(seen.get(object.metadata.name), previous.metadata.resourceVersion);
        seen.set(object.metadata.name, object.metadata.resourceVersion);
      },
      deleted(object) {
        assert.equal(seen.delete(object.metadata.name), true);
      },
    });
    const chance = seededIds(11);
    const change = async (step: number): Promise<void> => {
      const ref = { name: `m${Math.floor(chance.fraction() * 8)}`, namespace };
      try {
        if (chance.fraction() < 0.3) await client.delete(configmaps, ref);
        else await client.update(configmaps, { metadata: { ...ref, labels: { suite: 'yes' } }, data: { step: String(step) } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
        await client.create(configmaps, { metadata: { ...ref, labels: { suite: 'yes' } }, data: { step: String(step) } });
      }
    };
    for (let step = 0; step < 20; step++) await change(step);
    factory.start(stop.signal);
    for (let step = 20; step < 120; step++) await change(step);
    await client.create(configmaps, { metadata: { name: 'last', namespace, labels: { suite: 'yes' } } });
    await reached.promise;
    const { items } = await client.list(configmaps, { namespace, labelSelector: 'suite=yes' });
    const versions = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    assert.deepEqual(Object.fromEntries(seen), Object.fromEntries(versions));
    stop.abort();
  });

  declare('retryOnConflict loses no increment', async ({ client, namespace }) => {
    const ref = { name: 'counter', namespace };
    await client.create(configmaps, { metadata: ref, data: { n: '0' } });
    const increment = async (): Promise<unknown> =>
      retryOnConflict(systemClock, randomIds, async () => {
        const read = await client.get(configmaps, ref);
        return client.update(configmaps, { ...read, data: { n: String(Number(read.data?.['n']) + 1) } });
      });
    const results = await Promise.allSettled(Array.from({ length: COUNTERS }, increment));
    const done = results.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(done >= 1);
    assert.equal((await client.get(configmaps, ref)).data?.['n'], String(done));
  });

  declare('waitFor sees a change that comes later', async ({ client, namespace }) => {
    const ref = { name: 'a', namespace };
    const waiting = waitFor(client, configmaps, ref, {
      until: (object) => object?.data?.['ready'] === 'yes',
      timeoutMs: 20_000,
      clock: systemClock,
      ids: randomIds,
    });
    const created = await client.create(configmaps, { metadata: ref });
    await client.update(configmaps, { ...created, data: { ready: 'yes' } });
    assert.equal((await waiting)?.data?.['ready'], 'yes');
  });
}
