import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { Node } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { testAuthority } from '#client/testing/https-server.ts';
import { KubeletMetricsClient } from './kubelet-client.ts';

for (const c of [
  { name: 'refuses', says: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nno.\n\n', error: /^Error: the kubelet answered 403: no\.$/ },
  {
    name: 'switches protocols unasked',
    says: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    error: /^Error: the kubelet answered 101$/,
  },
  {
    name: 'never ends its answer',
    says: `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(17 << 20)}`,
    error: /^Error: the kubelet's answer is longer than 16777216 bytes$/,
  },
  { name: 'breaks off', says: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx', ends: true, error: /^Error: aborted$/ },
])
  test(`KubeletMetricsClient says so where a kubelet ${c.name}, and keeps no connection to it`, async (t) => {
    const authority = await testAuthority(systemClock.now());
    const { cert, key } = await authority.server('localhost');
    const server = createServer({ cert, key });
    server.on('request', (_request, { socket }) => {
      socket?.write(c.says);
      if (c.ends === true) socket?.end();
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const addresses = [{ type: 'Hostname', address: 'localhost' }];
    const node = {
      metadata: { name: 'n' },
      status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } },
    } as unknown as Node;
    const client = new KubeletMetricsClient(() => ({ ca: authority.ca, certificate: cert, key }));
    const [fetched, [socket]] = [client.fetchMetrics(node, new AbortController().signal), (await once(server, 'connection')) as [Socket]];
    const closed = once(socket, 'close');
    await assert.rejects(fetched, c.error);
    client.close();
    await closed;
  });
