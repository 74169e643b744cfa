// CronJob as conformance walks it, and what it does of late. Source: test/e2e/apps/cronjob.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cronjobs, jobs } from '#api/resources.ts';
import type { CronJob, Job, New } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { type Played, startPlayed, watchFromNow } from './played.ts';

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;

let t: Played;
before(async () => {
  t = await startPlayed({ now: NOON });
});
after(() => t.stop());

const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(cronjobs, ref(name));
const create = (name: string, spec: object = {}, labels: Readonly<Record<string, string>> = {}): Promise<CronJob> =>
  t.client.create(cronjobs, {
    metadata: { name, namespace: 'ns', labels },
    spec: {
      // With the parser's other sign for any day.
      schedule: '*/1 * * * ?',
      concurrencyPolicy: 'Allow',
      jobTemplate: {
        spec: {
          parallelism: 1,
          completions: 1,
          backoffLimit: 1,
          template: {
            spec: {
              restartPolicy: 'OnFailure',
              volumes: [{ name: 'data', emptyDir: {} }],
              containers: [
                { name: 'c', image: 'busybox:1', command: ['sleep', '300'], volumeMounts: [{ mountPath: '/data', name: 'data' }] },
              ],
            },
          },
        },
      },
      ...spec,
    },
  } as unknown as New<CronJob>);
const remove = (name: string) => t.client.delete(cronjobs, ref(name), { propagationPolicy: 'Background' });

const jobsOf = async (name: string): Promise<readonly Job[]> =>
  (await t.client.list(jobs, { namespace: 'ns' })).items.filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === name);
const unfinished = async (name: string) => (await jobsOf(name)).filter(({ status }) => status.conditions === undefined);
/** A minute passes in twenty looks. */
const carriedOn: Played['carriedOn'] = (look, decide, stepMs = 3000) => t.carriedOn(look, decide, stepMs);
const active = (name: string, count: number) =>
  carriedOn(async () => {
    const { active: found = [] } = (await get(name)).status;
    return found.length >= count ? found : undefined;
  });
/** Until the clock of the cluster says so. */
const untilTime = (time: number, meanwhile: () => Promise<void> = async () => {}) =>
  carriedOn(async () => {
    await meanwhile();
    return t.clock.now() >= time ? true : undefined;
  });

test('should schedule multiple jobs concurrently', async () => {
  await create('concurrent');
  await active('concurrent', 2);
  assert.ok((await unfinished('concurrent')).length >= 2);
  await remove('concurrent');
});

test('should not schedule jobs when suspended', async () => {
  await create('suspended', { suspend: true });
  await untilTime(t.clock.now() + 3 * MINUTE, async () => assert.deepEqual((await get('suspended')).status.active ?? [], []));
  assert.deepEqual(await jobsOf('suspended'), []);
  await remove('suspended');
});

test('should not schedule new jobs when ForbidConcurrent', async () => {
  await create('forbid', { concurrencyPolicy: 'Forbid' });
  const [first] = await active('forbid', 1);
  await untilTime(t.clock.now() + 3 * MINUTE, async () => assert.deepEqual((await get('forbid')).status.active, [first]));
  assert.deepEqual(
    (await unfinished('forbid')).map(({ metadata }) => metadata.uid),
    [first?.uid],
  );
  await remove('forbid');
});

test('should replace jobs when ReplaceConcurrent: never do two stand beside each other', async () => {
  await create('replace', { concurrencyPolicy: 'Replace' });
  const [first] = await active('replace', 1);
  const watch = await watchFromNow(t, jobs, { namespace: 'ns' });
  const standing = new Set([first?.uid]);
  let looked = 0;
  await carriedOn(async () => {
    for (const { type, object } of watch.seen.slice(looked)) {
      if (object.metadata.ownerReferences?.[0]?.name !== 'replace') continue;
      if (type === 'DELETED' || object.metadata.deletionTimestamp !== undefined) standing.delete(object.metadata.uid);
      else standing.add(object.metadata.uid);
      assert.ok(standing.size <= 1);
    }
    looked = watch.seen.length;
    return standing.size === 1 && !standing.has(first?.uid) ? true : undefined;
  });
  await watch.end();
  await remove('replace');
});

test('should support CronJob API operations', async () => {
  const labelSelector = 'special-label=api';
  const labels = { 'special-label': 'api' };
  const spec = { schedule: '* */1 * * ?', successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0, suspend: true };
  const created = await create('test-api', spec, labels);
  assert.equal((await get('test-api')).metadata.uid, created.metadata.uid);
  for (const scope of [{ namespace: 'ns' }, {}]) assert.equal((await t.client.list(cronjobs, { ...scope, labelSelector })).items.length, 1);
  const watch = await watchFromNow(t, cronjobs, { namespace: 'ns', labelSelector });

  const patched = await t.client.patch(cronjobs, ref('test-api'), {
    type: 'merge',
    body: { metadata: { annotations: { patched: 'true' } } },
  });
  assert.equal(patched.metadata.annotations?.['patched'], 'true');
  await t.changed(cronjobs, ref('test-api'), (fresh) => ({
    ...fresh,
    metadata: { ...fresh.metadata, annotations: { ...fresh.metadata.annotations, updated: 'true' } },
  }));
  const shown = await t.carriedOn(async () => watch.seen.find(({ object }) => object.metadata.annotations?.['updated'] === 'true'));
  assert.equal(shown.type, 'MODIFIED');
  await watch.end();

  const now = formatTime(t.clock.now());
  const body = { metadata: { annotations: { patchedstatus: 'true' } }, status: { lastScheduleTime: now } };
  const stated = await t.client.patch(cronjobs, ref('test-api'), { type: 'merge', body }, { subresource: 'status' });
  assert.deepEqual([stated.status.lastScheduleTime, stated.metadata.annotations?.['patchedstatus']], [now, 'true']);
  const later = formatTime(t.clock.now() + 1000);
  const again = await t.changed(
    cronjobs,
    ref('test-api'),
    (fresh) => ({ ...fresh, status: { ...fresh.status, lastScheduleTime: later } }),
    'status',
  );
  assert.equal(again.status.lastScheduleTime, later);
  assert.equal((await t.client.get(cronjobs, ref('test-api'), { subresource: 'status' })).metadata.uid, created.metadata.uid);

  await create('for-removal', spec, labels);
  await t.client.delete(cronjobs, ref('for-removal'));
  await assert.rejects(get('for-removal'), (error) => isStatusError(error, 'NotFound'));
  await t.client.deleteCollection(cronjobs, { namespace: 'ns', labelSelector });
  assert.deepEqual((await t.client.list(cronjobs, { labelSelector })).items, []);
});

test('a time zone that is none is refused', async () => {
  await assert.rejects(create('nowhere', { timeZone: 'bad-time-zone' }), (error) => isStatusError(error, 'Invalid'));
});

test('after more than a hundred missed times one Job starts, and users are told', async () => {
  const past = formatTime(t.clock.now() - 98 * 24 * 60 * MINUTE);
  await create('missed', { concurrencyPolicy: 'Forbid', suspend: true });
  await t.changed(cronjobs, ref('missed'), (fresh) => ({ ...fresh, status: { ...fresh.status, lastScheduleTime: past } }), 'status');
  await t.changed(cronjobs, ref('missed'), (fresh) => ({ ...fresh, spec: { ...fresh.spec, suspend: false } }));
  await active('missed', 1);
  assert.equal((await jobsOf('missed')).length, 1);
  assert.ok(t.events.some((event) => event.startsWith('Warning TooManyMissedTimes ')));
  await remove('missed');
});

test('a run that is late by less than its starting deadline starts still, one that is later does not', async () => {
  const HOUR = 60 * MINUTE;
  const due = (Math.floor(t.clock.now() / HOUR) + 1) * HOUR;
  const hourly = { schedule: '0 * * * *', startingDeadlineSeconds: 120 };
  await create('late', hourly);
  await create('any-time', { schedule: '0 * * * *' });
  const startedAt = async (name: string) =>
    (await jobsOf(name)).map(({ metadata }) => Number(metadata.name.replace(`${name}-`, '')) * MINUTE);

  /** The controllers are away until `at`, and have looked at what is due once they are back. */
  const awayUntil = async (at: number): Promise<void> => {
    const seen = t.events.length;
    await t.restart(async () => t.clock.advance(at - t.clock.now()));
    await t.carriedOn(async () => (t.events.slice(seen).some((event) => event.includes('Created job any-time-')) ? true : undefined));
  };
  await awayUntil(due + MINUTE);
  await t.carriedOn(async () => ((await startedAt('late')).length === 1 ? true : undefined));
  assert.deepEqual(await startedAt('late'), [due]);

  await awayUntil(due + HOUR + 5 * MINUTE);
  await untilTime(t.clock.now() + MINUTE);
  assert.deepEqual(new Set(await startedAt('any-time')), new Set([due, due + HOUR]));
  assert.deepEqual(await startedAt('late'), [due]);

  t.clock.advance(due + 2 * HOUR - t.clock.now());
  await t.carriedOn(async () => ((await startedAt('late')).length === 2 ? true : undefined));
  assert.deepEqual(
    (await startedAt('late')).toSorted((a, b) => a - b),
    [due, due + 2 * HOUR],
  );
  for (const name of ['late', 'any-time']) await remove(name);
});
