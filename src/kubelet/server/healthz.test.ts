import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { HealthzServer } from './healthz.ts';
import { fakeHost } from './testing/fake-host.ts';

test('a kubelet tells its health to whoever is on the machine, as soon as the port is free', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const clock = new ManualClock();
  const failed = Promise.withResolvers<string>();
  let troubled = 0;
  const healthz = new HealthzServer({
    host: fakeHost({ overrides: { troubledForMs: () => troubled } }),
    address: { host: '127.0.0.1', port },
    clock,
    logger: createLogger((_, message) => failed.resolve(message)),
  });
  t.after(() => healthz.stop());
  healthz.start();
  assert.equal(await failed.promise, 'Failed to start healthz server');
  other.close();
  await once(other, 'close');
  clock.advance(5000);
  const ask = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask('/healthz'), [200, 'ok']);
  assert.deepEqual(await ask('/healthz?verbose'), [200, '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n']);
  assert.deepEqual(await ask('/healthz/ping'), [200, 'ok']);
  assert.deepEqual(await ask('/pods'), [404, '404 page not found\n']);
  troubled = 300_001;
  assert.equal((await ask('/healthz'))[0], 500);
});
