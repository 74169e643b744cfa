import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { nodes, pods } from '#api/resources.ts';
import type { New, Node, Pod } from '#api/types.ts';
import type { WireStatus } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import { kubeletEndpoint } from '../../kubelet/endpoint.ts';
import { endToEnd, passedOn } from '../../kubelet/headers.ts';
import { ADMIN, startTestServer, type TestServer } from '../../testing.ts';
import { createTestAuthority, type TestAuthority } from '../../testing/certificates.ts';
import { http1, http2, http2Session, json, text } from '../../testing/http.ts';
import { MemoryStore } from '../../testing/memory-store.ts';

const POD = '/api/v1/namespaces/default/pods/web';

let kubelet: Server;
let server: TestServer;
let seen: string[] = [];
let authority: TestAuthority;

before(async () => {
  authority = await createTestAuthority(systemClock.now());
  kubelet = await startKubelet(authority);
  const client = await authority.client({ name: 'kube-apiserver', groups: [] });
  server = await startTestServer({
    store: new MemoryStore(systemClock),
    options: { kubelet: () => ({ clientCertificate: client.certificate, clientKey: client.key, ca: authority.certificate }) },
  });
  const api = createClient(server.server.loopback(ADMIN));
  const { port } = kubelet.address() as AddressInfo;
  const status = { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } };
  await api.create(nodes, { metadata: { name: 'n' }, status });
  const spec = {
    nodeName: 'n',
    containers: [
      { name: 'one', image: 'i' },
      { name: 'two', image: 'i' },
    ],
  };
  await api.create(pods, { metadata: { name: 'web', namespace: 'default' }, spec } as New<Pod>);
  await api.create(pods, {
    metadata: { name: 'waiting', namespace: 'default' },
    spec: { containers: [{ name: 'one', image: 'i' }] },
  } as New<Pod>);
});
after(async () => {
  await server.stop();
  kubelet.closeAllConnections();
  await new Promise((resolve) => kubelet.close(resolve));
});

/** Answers logs, and echoes whatever is said on an upgraded connection. */
async function startKubelet(ca: TestAuthority): Promise<Server> {
  const { certificate: cert, key } = await ca.serving({ dns: [], ip: ['127.0.0.1'] });
  const https = createServer({ cert, key, ca: ca.certificate, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`);
    if (request.url?.includes('previous=true') === true) {
      response.writeHead(400).end('previous terminated container "one" in pod "web" not found');
      return;
    }
    if (request.url === '/head') {
      const { host, cookie, 'x-forwarded-for': from, 'x-forwarded-uri': uri } = request.headers;
      response.writeHead(200, { 'set-cookie': ['session=2', 'theme=dark'] });
      return response.end(JSON.stringify([host, from, uri, cookie]));
    }
    if (request.url === '/moved') return response.writeHead(302, { location: '/there/' }).end();
    if (request.url?.startsWith('/page') === true) {
      const page = Buffer.from('<a href="/next">näher</a>');
      const isPacked = request.url.endsWith('gzip');
      const packed = isPacked ? { 'content-encoding': 'gzip' } : {};
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'access-control-allow-origin': '*', ...packed });
      return response.end(isPacked ? gzipSync(page) : page);
    }
    response.writeHead(200, { 'content-type': 'text/x-log' });
    response.write('line 1\n');
    response.end(`line 2 of ${request.method}\n`);
  });
  https.on('upgrade', (request, socket) => {
    if (request.url === '/host') seen.push(`${request.headers.host} ${String(request.headers['x-forwarded-for'])}`);
    else seen.push(`UPGRADE ${request.url} ${request.headers['sec-websocket-protocol'] ?? '-'} ${request.headers.authorization ?? '-'}`);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`));
    socket.on('error', () => socket.destroy());
  });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  return https;
}

describe('pods/log', () => {
  test('streams what the kubelet has, over both versions of HTTP', async () => {
    seen = [];
    const answer = await http1(server, `${POD}/log?container=one&follow=true&tailLines=5`, { headers: { authorization: 'Bearer secret' } });
    assert.deepEqual([answer.status, answer.headers['content-type'], text(answer)], [200, 'text/plain', 'line 1\nline 2 of GET\n']);
    assert.deepEqual(seen, ['GET /containerLogs/default/web/one?follow=true&tailLines=5 -'], 'credentials stay here');
    const session = http2Session(server);
    assert.equal(text(await http2(session, `${POD}/log?container=two`)), 'line 1\nline 2 of GET\n');
    session.close();
  });

  for (const [protocol, decode] of [
    [undefined, (message: Buffer) => message],
    ['binary.k8s.io', (message: Buffer) => message],
    ['base64.binary.k8s.io', (message: Buffer) => Buffer.from(message.toString(), 'base64')],
  ] as const) {
    test(`reads out over a WebSocket, protocol ${protocol ?? 'none'}`, async () => {
      const socket = webSocket(`${POD}/log?container=one`, protocol === undefined ? [] : ['unknown.example', protocol]);
      const messages: Buffer[] = [];
      socket.on('message', (message) => messages.push(message as Buffer));
      await once(socket, 'close');
      assert.equal(socket.protocol, protocol ?? '');
      assert.equal(messages[0]?.length, 0, 'an empty message tells that reading has begun');
      assert.equal(Buffer.concat(messages.map(decode)).toString(), 'line 1\nline 2 of GET\n');
    });
  }

  for (const [name, query, protocols] of [
    ['when only unknown protocols are offered', 'container=one', ['unknown.example']],
    ['when the kubelet refuses', 'container=one&previous=true', ['binary.k8s.io']],
  ] as const) {
    test(`opens no WebSocket ${name}`, async () => {
      const [error] = (await once(webSocket(`${POD}/log?${query}`, protocols), 'error')) as [Error];
      assert.match(error.message, /Unexpected server response: 400/);
    });
  }

  test("passes the kubelet's refusal on", async () => {
    const status = json<WireStatus>(await http1(server, `${POD}/log?container=one&previous=true`));
    assert.deepEqual([status.code, status.message], [400, 'previous terminated container "one" in pod "web" not found']);
  });

  for (const [name, query, code, message] of [
    ['no container of several', '', 400, 'a container name must be specified for pod web, choose one of: [one two]'],
    ['a container that is none', 'container=three', 400, 'container three is not valid for pod web'],
    [
      'a negative tail',
      'container=one&tailLines=-1',
      422,
      'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ],
    ['one of its streams', 'container=one&stream=Stdout', 422, 'PodLogOptions "web" is invalid: stream: Forbidden: may not be specified'],
    [
      'a beginning that is no time',
      'container=one&sinceTime=noon',
      400,
      'parsing time "noon" as "2006-01-02T15:04:05Z07:00": cannot parse "noon" as "2006"',
    ],
    [
      'two beginnings',
      'container=one&sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z',
      422,
      /at most one of `sinceTime` or `sinceSeconds` may be specified/,
    ],
  ] as const) {
    test(`refuses ${name}`, async () => {
      const status = json<WireStatus>(await http1(server, `${POD}/log?${query}`));
      assert.equal(status.code, code);
      if (typeof message === 'string') assert.equal(status.message, message);
      else assert.match(status.message ?? '', message);
    });
  }

  test('of a pod without a node is empty', async () => {
    assert.equal((await http1(server, '/api/v1/namespaces/default/pods/waiting/log')).status, 204);
  });
});

function webSocket(path: string, protocols: readonly string[]): WebSocket {
  const { port } = server.server.address as { port: number };
  const { certificate: cert, key } = server.admin;
  return new WebSocket(`wss://127.0.0.1:${port}${path}`, [...protocols], { ca: server.authority.certificate, cert, key });
}

/** Says `lines` after an upgrade and gives what came back, up to `until`. */
async function upgrade(path: string, headers: readonly string[], say: string, until: string): Promise<string> {
  const { port } = server.server.address as { port: number };
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca: server.authority.certificate,
    cert: server.admin.certificate,
    key: server.admin.key,
    ALPNProtocols: ['http/1.1'],
  });
  await once(socket, 'secureConnect');
  socket.write([`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', ...headers, '', ''].join('\r\n'));
  let heard = '';
  let said = false;
  for await (const chunk of socket) {
    heard += (chunk as Buffer).toString();
    if (!said && heard.includes('\r\n\r\n')) {
      said = true;
      socket.write(say);
    }
    if (heard.includes(until)) break;
  }
  socket.destroy();
  return heard;
}

describe('pods/exec', () => {
  test('tunnels the upgraded connection to the kubelet', async () => {
    seen = [];
    const heard = await upgrade(
      `${POD}/exec?container=one&command=sh&command=-c&command=a%20b&stdin=true&stdout=true&tty=false`,
      ['Sec-WebSocket-Protocol: v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0', 'Authorization: Bearer secret'],
      'hello',
      'echo hello',
    );
    assert.match(heard, /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*\r\n\r\necho hello$/);
    assert.deepEqual(seen, ['UPGRADE /exec/default/web/one?input=1&output=1&command=sh&command=-c&command=a+b v5.channel.k8s.io -']);
  });

  test('refuses plain HTTP, a pod without a node and whoever may not, before any upgrade', async () => {
    const plain = json<WireStatus>(await http1(server, `${POD}/exec?container=one&command=ls`, { method: 'POST' }));
    assert.deepEqual([plain.code, plain.message], [400, 'Upgrade request required']);
    assert.match(
      await upgrade('/api/v1/namespaces/default/pods/waiting/exec?command=ls', [], '', 'waiting does not'),
      /^HTTP\/1\.1 400 [\s\S]*pod waiting does not have a host assigned/,
    );
    const nobody = await http1(server, `${POD}/exec?container=one&command=ls`, { method: 'POST', as: 'nobody' });
    assert.equal(nobody.status, 403);
  });
});

describe('nodes/proxy', () => {
  test('reaches no port of the API server’s own machine but that of a kubelet', async () => {
    const api = createClient(server.server.loopback(ADMIN));
    const named = (type: string, address: string): New<Node>['status'] => ({ addresses: [{ type, address }] }) as New<Node>['status'];
    await api.create(nodes, { metadata: { name: 'by-name' }, status: named('Hostname', 'localhost') });
    await api.create(nodes, { metadata: { name: 'mapped' }, status: named('InternalIP', '::ffff:127.0.0.1') });
    await api.create(nodes, { metadata: { name: 'metadata' }, status: named('InternalIP', '169.254.169.254') });
    const port = new URL(server.url).port;
    for (const node of [`n:${port}`, `https:n:${port}`, `https:by-name:${port}`, `https:mapped:${port}`, 'metadata:80']) {
      const refused = json<WireStatus>(await http1(server, `/api/v1/nodes/${node}/proxy/version`));
      assert.deepEqual([refused.code, refused.message], [400, 'address not allowed'], node);
    }
  });

  test('passes path, query and method on', async () => {
    seen = [];
    const answer = await http1(server, '/api/v1/nodes/n/proxy/stats/summary?only=cpu', { method: 'POST', body: 'x' });
    assert.deepEqual([answer.status, answer.headers['content-type'], text(answer)], [200, 'text/x-log', 'line 1\nline 2 of POST\n']);
    assert.equal((await http1(server, '/api/v1/nodes/n/proxy/any', { method: 'OPTIONS' })).status, 200);
    assert.deepEqual(seen, ['POST /stats/summary?only=cpu -', 'OPTIONS /any -']);
  });

  test('asks under the name that the client asks under, and tells whom for', async () => {
    const path = '/api/v1/nodes/n/proxy/head';
    const headers = { host: 'localhost:1', 'x-forwarded-for': '192.0.2.7', cookie: 'session=1' };
    const answer = await http1(server, path, { headers });
    assert.deepEqual(json(answer), ['localhost:1', '192.0.2.7, 127.0.0.1', path, 'session=1']);
    assert.deepEqual(answer.headers['set-cookie'], ['session=2', 'theme=dark'], 'sessions are between the client and the backend');
    const session = http2Session(server);
    const [host] = json<readonly string[]>(await http2(session, path));
    session.close();
    assert.equal(host, `127.0.0.1:${(server.server.address as { port: number }).port}`);
    seen = [];
    await upgrade('/api/v1/nodes/n/proxy/host', ['X-Forwarded-For: 192.0.2.7'], 'hello', 'echo hello');
    assert.deepEqual(seen, ['x 192.0.2.7, 127.0.0.1']);
  });

  test('leads a page that is asked for without a slash to where its links are below it', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await http1(server, '/api/v1/nodes/n/proxy?only=cpu', { method });
      assert.deepEqual([answer.status, answer.headers.location], [301, '/api/v1/nodes/n/proxy/?only=cpu']);
    }
    assert.equal((await http1(server, '/api/v1/nodes/n/proxy?only=cpu', { method: 'POST' })).status, 200);
  });

  for (const encoding of ['', 'gzip']) {
    test(`leads links of a page back through the proxy, ${encoding === '' ? 'plain' : encoding}`, async () => {
      const answer = await http1(server, `/api/v1/nodes/n/proxy/page?as=${encoding}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
      assert.equal(answer.headers['content-encoding'] ?? '', encoding);
      const body = encoding === '' ? answer.body : gunzipSync(answer.body);
      assert.equal(body.toString(), '<a href="/api/v1/nodes/n/proxy/next">näher</a>');
      const redirect = await http1(server, '/api/v1/nodes/n/proxy/moved');
      assert.deepEqual([redirect.status, redirect.headers.location], [302, '/api/v1/nodes/n/proxy/there/']);
    });
  }
});

test('pods/proxy does not reach into this machine', async () => {
  const api = createClient(server.server.loopback(ADMIN));
  const pod = await api.get(pods, { name: 'web', namespace: 'default' });
  for (const ip of ['127.0.0.1', '169.254.169.254', '::1', 'fe80::1']) {
    await api.update(
      pods,
      { ...pod, metadata: { ...pod.metadata, resourceVersion: '' }, status: { ...pod.status, podIPs: [{ ip }], podIP: ip } },
      { subresource: 'status' },
    );
    const status = json<WireStatus>(await http1(server, `${POD}/proxy/`));
    assert.deepEqual([status.code, status.message], [400, 'address not allowed'], ip);
  }
});

test('kubeletEndpoint takes the preferred address and the port the node names', () => {
  const node = (addresses: readonly { type: string; address: string }[], Port?: number): Node =>
    ({
      metadata: { name: 'n' },
      status: { addresses, ...(Port === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port } } }) },
    }) as unknown as Node;
  assert.deepEqual(
    kubeletEndpoint(
      node([
        { type: 'Hostname', address: 'h' },
        { type: 'InternalIP', address: '10.0.0.1' },
      ]),
    ),
    { host: '10.0.0.1', port: 10_250 },
  );
  assert.deepEqual(kubeletEndpoint(node([{ type: 'Hostname', address: 'h' }], 99)), { host: 'h', port: 99 });
  assert.throws(() => kubeletEndpoint(node([])));
});

test('passedOn and endToEnd leave credentials and hop-by-hop headers behind', () => {
  const target = { scheme: 'https', host: '::1', port: 1, path: '/', tls: {} } as const;
  const raw = ['Host', 'a', 'Authorization', 'b', 'Impersonate-User', 'c', 'X-Remote-Group', 'd', 'Upgrade', 'e'];
  assert.deepEqual(passedOn(raw, target, '192.0.2.7'), [
    ['Host', '[::1]:1'],
    ['Upgrade', 'e'],
    ['X-Forwarded-For', '192.0.2.7'],
  ]);
  assert.deepEqual(endToEnd({ ':path': '/', connection: 'close, x-mine', 'x-mine': '1', authorization: 'b', accept: 'c', te: 'd' }), {
    accept: 'c',
  });
});
