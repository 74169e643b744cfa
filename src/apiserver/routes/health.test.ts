import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { StoreUnavailableError } from '#store/contract.ts';
import { createFlowControl, DEFAULTS_HOOKS, ensureDefaults } from '../defaults.ts';
import { startTestServer } from '../testing.ts';
import { http1, text } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { PostStartHooks } from './post-start-hooks.ts';
import { storeCheck } from './store-check.ts';
import { createClient } from '#client/client.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';

const MASTER = { name: 'admin', groups: [SYSTEM_PRIVILEGED_GROUP] };

/** Of a server whose defaults are written and whose address is announced, as `/livez?verbose` lists them. */
const LIVEZ = [
  'ping',
  'log',
  'etcd',
  'poststarthook/generic-apiserver-start-informers',
  'poststarthook/priority-and-fairness-config-consumer',
  'poststarthook/priority-and-fairness-filter',
  'poststarthook/storage-object-count-tracker-hook',
  'poststarthook/start-apiextensions-informers',
  'poststarthook/start-apiextensions-controllers',
  'poststarthook/crd-informer-synced',
  'poststarthook/start-system-namespaces-controller',
  'poststarthook/start-cluster-authentication-info-controller',
  'poststarthook/start-service-ip-repair-controllers',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/scheduling/bootstrap-system-priority-classes',
  'poststarthook/priority-and-fairness-config-producer',
  'poststarthook/bootstrap-controller',
  'poststarthook/start-kubernetes-service-cidr-controller',
  'poststarthook/aggregator-reload-proxy-client-cert',
  'poststarthook/start-kube-aggregator-informers',
  'poststarthook/apiservice-status-local-available-controller',
  'poststarthook/apiservice-status-remote-available-controller',
  'poststarthook/apiservice-registration-controller',
  'poststarthook/apiservice-discovery-controller',
  'poststarthook/kube-apiserver-autoregistration',
  'poststarthook/apiservice-openapi-controller',
  'poststarthook/apiservice-openapiv3-controller',
  'autoregister-completion',
];

test('a server is unhealthy until every part of its start is done, and lists the parts as kube-apiserver does', async (t) => {
  const certificate = { certificate: '', key: '' };
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: (parts) => ({ flowControl: createFlowControl(parts).flowControl }),
    options: {
      hooks: [...DEFAULTS_HOOKS, 'bootstrap-controller'],
      aggregation: { proxyCertificate: () => certificate, trust: { clientCa: '' } },
    },
  });
  t.after(() => server.stop());
  const pending = [...DEFAULTS_HOOKS, 'bootstrap-controller'].map((hook) => `poststarthook/${hook}`);
  for (const path of ['/healthz', '/livez', '/readyz']) {
    const answer = await http1(server, path);
    assert.equal(answer.status, 500);
    const failed = [...text(answer).matchAll(/^\[-\](.*) failed: reason withheld$/gm)].map(([, name]) => name as string);
    for (const name of pending) assert.ok(failed.includes(name), `${path} ${name}`);
    assert.match(text(answer), new RegExp(`\\n${path.slice(1)} check failed\\n$`));
  }
  const one = await http1(server, '/livez/poststarthook/rbac/bootstrap-roles');
  assert.deepEqual([one.status, text(one)], [500, 'internal server error: not finished\n']);

  const client = createClient(server.server.loopback(MASTER));
  await ensureDefaults(client, { clock: systemClock, logger: silentLogger, hookDone: server.server.hookDone });
  assert.equal(text(await http1(server, '/livez/poststarthook/rbac/bootstrap-roles')), 'ok');
  assert.equal((await http1(server, '/livez')).status, 500, 'it is not announced yet');
  await server.server.announce({ clusterIP: '10.96.0.1', address: '10.0.0.1', port: 6443 });
  // The APIServices are written meanwhile.
  const start = systemClock.monotonic();
  while ((await http1(server, '/readyz')).status !== 200) {
    assert.ok(systemClock.monotonic() - start < 120_000, text(await http1(server, '/readyz?verbose')));
  }

  const report = (names: readonly string[], name: string): string =>
    `${names.map((check) => `[+]${check} ok\n`).join('')}${name} check passed\n`;
  assert.equal(text(await http1(server, '/livez?verbose')), report(LIVEZ, 'livez'));
  assert.equal(text(await http1(server, '/healthz?verbose')), report(LIVEZ, 'healthz'));
  const readyz = [...LIVEZ.slice(0, 3), 'etcd-readiness', 'informer-sync', ...LIVEZ.slice(3), 'shutdown'];
  assert.equal(text(await http1(server, '/readyz?verbose')), report(readyz, 'readyz'));
  assert.equal(text(await http1(server, '/livez/etcd')), 'ok');
  const slis = text(await http1(server, '/metrics/slis'));
  assert.match(slis, /^kubernetes_healthcheck\{name="etcd",type="readyz"\} 1$/m);
  assert.match(slis, /^kubernetes_healthchecks_total\{name="poststarthook\/bootstrap-controller",status="error",type="livez"\} [1-9]/m);
});

test('a check that is excluded is not asked, and names that are none are told, sorted', async (t) => {
  const asked: string[] = [];
  const check = (name: string, why?: string) => ({ name, check: () => (asked.push(name), why) });
  const server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: () => ({ readyChecks: [check('sick', 'secret reason'), check('well')] }),
  });
  t.after(() => server.stop());
  const failed = await http1(server, '/readyz?exclude=zebra&exclude=etcd&exclude=ant&exclude=zebra');
  assert.equal(failed.status, 500);
  assert.deepEqual(
    text(failed)
      .split('\n')
      .filter((line) => !line.includes('poststarthook')),
    [
      '[+]ping ok',
      '[+]log ok',
      '[+]etcd excluded: ok',
      '[+]etcd-readiness ok',
      '[+]informer-sync ok',
      '[-]sick failed: reason withheld',
      '[+]well ok',
      '[+]shutdown ok',
      'warn: some health checks cannot be excluded: no matches for "ant","zebra"',
      'readyz check failed',
      '',
    ],
  );
  assert.deepEqual(
    [failed.headers['content-type'], failed.headers['x-content-type-options'], failed.headers['cache-control']],
    ['text/plain; charset=utf-8', 'nosniff', 'no-cache, private'],
  );
  asked.length = 0;
  const excluded = await http1(server, '/readyz?exclude=sick');
  assert.deepEqual([excluded.status, text(excluded), asked], [200, 'ok', ['well']]);
  const alone = await http1(server, '/readyz/sick');
  assert.deepEqual([alone.status, text(alone)], [500, 'internal server error: secret reason\n']);
  assert.equal((await http1(server, '/readyz/other')).status, 404);
});

test('a server whose store fails is unhealthy, and healthy again with it', async (t) => {
  const store = new MemoryStore(systemClock);
  const server = await startTestServer({ store });
  t.after(() => server.stop());
  store.readFailures.push(new StoreUnavailableError('no leader'));
  const failed = await http1(server, '/livez');
  assert.match(text(failed), /^\[-\]etcd failed: reason withheld$/m);
  assert.equal(failed.status, 500);
  assert.equal(text(await http1(server, '/livez')), 'ok');
});

test('storeCheck gives up after two seconds, and asks a store that hangs only once', async () => {
  const clock = new ManualClock();
  let reads = 0;
  const answer = Promise.withResolvers<never>();
  const check = storeCheck('etcd', { range: () => (reads++, answer.promise) }, clock);
  const ask = async (): Promise<string | undefined> => check.check();
  const asked = [ask(), ask()];
  clock.advance(2_000);
  assert.deepEqual(await Promise.all(asked), Array(2).fill('the store has not answered for 2000 ms'));
  assert.equal(reads, 1);
  answer.reject(new StoreUnavailableError('gone'));
  assert.match(String(await check.check()), /gone/);
});

test('PostStartHooks looks at what is expected alone, in one order', () => {
  const hooks = new PostStartHooks(['bootstrap-controller', 'rbac/bootstrap-roles']);
  hooks.done('crd-informer-synced');
  hooks.done('rbac/bootstrap-roles');
  assert.deepEqual(
    hooks.checks.map(({ name, check }) => [name, check()]),
    [
      ['poststarthook/rbac/bootstrap-roles', undefined],
      ['poststarthook/bootstrap-controller', 'not finished'],
    ],
  );
});
