import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { RemoteTransports } from './remote-transports.ts';

const service = (caBundle: string): APIService =>
  ({
    metadata: { name: 'v1.example.com' },
    spec: { caBundle, service: { name: 's', namespace: 'ns', port: 443 } },
    status: { conditions: [{ type: 'Available', status: 'True' }] },
  }) as unknown as APIService;

test('RemoteTransports keeps one a server and user, and no more than it may, however often servers move', async () => {
  const ending = new AbortController();
  let moved = 0;
  const transports = new RemoteTransports({
    services: { resolve: () => ({ host: '127.0.0.1', port: 1 + moved }) },
    outbound: undefined as never,
    proxyCertificate: undefined,
    clock: systemClock,
    logger: silentLogger,
    signal: ending.signal,
  });
  const user = { name: 'system:node-collector', groups: [] };
  const first = transports.to(service('YQ=='), user);
  assert.equal(transports.to(service('YQ=='), { ...user }), first, 'the object may be another, as after each change of its status');
  assert.notEqual(transports.to(service('Yg=='), user), first, 'another authority');
  assert.notEqual(transports.to(service('YQ=='), { ...user, name: 'b' }), first, 'another user');
  for (moved = 1; moved < 1_000; moved++) transports.to(service('YQ=='), user);
  assert.equal(getEventListeners(ending.signal, 'abort').length, 1);
  moved = 0;
  assert.notEqual(transports.to(service('YQ=='), user), first, 'it was closed long since');
  await assert.rejects(first.getPath('/', {}), /the transport is closed/);
  ending.abort();
});
