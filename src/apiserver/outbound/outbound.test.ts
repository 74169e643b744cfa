import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { EndpointSlice, Service } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { AUTHORITY_NAME, createTestAuthority, type TestAuthority } from '../testing/certificates.ts';
import { startHttpsServer, type HttpsServer } from '../testing/https-server.ts';
import { HttpsOutbound } from './client.ts';
import { OutboundError, type OutboundCall } from './contract.ts';
import { clusterAddress, endpointAddress } from './service-resolver.ts';
import { callWebhook, type WebhookClientConfig } from './webhook-client.ts';

let authority: TestAuthority;
let server: HttpsServer;
const outbound = new HttpsOutbound(systemClock);
before(async () => {
  authority = await createTestAuthority(systemClock.now());
  server = await startHttpsServer(authority, ({ path, body }, answer) => {
    switch (path.split('?')[0]) {
      case '/echo':
        return answer.json(200, { path, body: JSON.parse(body) as unknown });
      case '/slow':
        return undefined;
      case '/huge':
        return answer.text(200, 'x'.repeat(2_000));
      case '/text':
        return answer.text(200, 'hello');
      case '/status':
        return answer.json(409, { kind: 'Status', apiVersion: 'v1', message: 'taken', reason: 'Conflict', code: 409 });
      case '/cut':
        return answer.cut('{"half":');
      default:
        return answer.text(500, 'it broke');
    }
  });
});
after(async () => {
  outbound.close();
  await server.stop();
});

const config = (path: string, over: Partial<WebhookClientConfig> = {}): WebhookClientConfig => ({
  url: `${server.url}${path}`,
  caBundle: Buffer.from(authority.certificate).toString('base64'),
  ...over,
});

const nowhere = { resolve: () => assert.fail('no Service is asked for') };

const post = (given: WebhookClientConfig, over: Partial<{ timeoutMs: number; signal: AbortSignal }> = {}): Promise<unknown> =>
  callWebhook(
    given,
    { body: { hello: 1 }, timeoutMs: 10_000, signal: new AbortController().signal, ...over },
    { outbound, services: nowhere },
  );

const namesake = (): Promise<TestAuthority> => createTestAuthority(systemClock.now(), { server: AUTHORITY_NAME });

const failing = async (pending: Promise<unknown>): Promise<Error> => {
  try {
    await pending;
  } catch (error) {
    return error as Error;
  }
  return assert.fail('it should have failed');
};

describe('callWebhook', () => {
  test('posts JSON with the time it has, and gives JSON back, over one connection', async () => {
    const before_ = server.connections;
    assert.deepEqual(await post(config('/echo')), { path: '/echo?timeout=10s', body: { hello: 1 } });
    assert.deepEqual(await post(config('/echo'), { timeoutMs: 60_000 }), { path: '/echo?timeout=1m0s', body: { hello: 1 } });
    assert.ok(server.connections - before_ <= 1, 'the connection is kept');
  });

  test('asks for the path as it is without empty segments', async () => {
    const answer = (await post(config('//echo/'))) as { readonly path: string };
    assert.equal(answer.path, '/echo?timeout=10s');
  });

  test('trusts a server by its own certificate too', async () => {
    const caBundle = Buffer.from(server.certificate).toString('base64');
    assert.deepEqual(await post(config('/echo', { caBundle })), { path: '/echo?timeout=10s', body: { hello: 1 } });
    const other = await createTestAuthority(systemClock.now());
    const { certificate } = await other.serving({ dns: [], ip: ['127.0.0.1'] });
    const strange = await failing(post(config('/echo', { caBundle: Buffer.from(certificate).toString('base64') })));
    assert.match(strange.message, /x509: certificate signed by unknown authority/);
  });

  // As knative.dev/pkg makes the certificates of its webhooks.
  test('trusts a server that bears the name of the authority that signed it, and no other that does', async (t) => {
    const [own, other] = [await namesake(), await namesake()];
    const one = await startHttpsServer(own, ({ body }, answer) => answer.json(200, JSON.parse(body)));
    t.after(() => one.stop());
    const { port, url } = one;
    const caBundle = (of: TestAuthority): string => Buffer.from(of.certificate).toString('base64');
    const asked = { url: `${url}/echo`, caBundle: caBundle(own) };
    assert.deepEqual([await post(asked), await post(asked)], [{ hello: 1 }, { hello: 1 }]);
    assert.ok(one.requests.length === 2 && one.connections <= 3, 'what was learnt is kept, and the connection too');
    assert.match((await failing(post({ ...asked, caBundle: caBundle(other) }))).message, /x509: certificate signed by unknown authority$/);
    const misnamed = callWebhook(
      { service: { namespace: 'a', name: 'b' }, caBundle: caBundle(own) },
      { body: {}, timeoutMs: 10_000, signal: new AbortController().signal },
      { outbound, services: { resolve: () => ({ host: '127.0.0.1', port }) } },
    );
    assert.match((await failing(misnamed)).message, /certificate is valid for .*, not b\.a\.svc$/);

    await one.stop();
    const renewed = await startHttpsServer(own, ({ body }, answer) => answer.json(200, JSON.parse(body)), { port });
    t.after(() => renewed.stop());
    assert.deepEqual(await post(asked), { hello: 1 }, 'another certificate of the same authority');
  });

  test('tries once more when a kept connection was closed by the server', async () => {
    await post(config('/echo'));
    await server.dropConnections();
    assert.deepEqual(await post(config('/echo')), { path: '/echo?timeout=10s', body: { hello: 1 } });
  });

  test('says what net/http would say of a server that fails', async () => {
    const port = new URL(server.url).port;
    const url = (path: string): string => `Post "https://127.0.0.1:${port}${path}?timeout=10s"`;
    assert.equal(
      (await failing(post(config('/echo', { caBundle: '' })))).message,
      `${url('/echo')}: tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    );
    assert.equal((await failing(post(config('/cut')))).message, `${url('/cut')}: unexpected EOF`);
    assert.match((await failing(post(config('/text')))).message, /^couldn't get version\/kind; json parse error: /);
    assert.equal(
      (await failing(post(config('/broken')))).message,
      'an error on the server ("it broke") has prevented the request from succeeding',
    );
    const refusal = await failing(post(config('/status')));
    assert.ok(isStatusError(refusal, 'Conflict'));
    assert.equal(refusal.message, 'taken');
    assert.match(
      (await failing(post({ url: 'https://127.0.0.1:1/x' }))).message,
      /: dial tcp 127\.0\.0\.1:1: connect: connection refused$/,
    );
  });

  test('ends with its time or with its caller', async () => {
    const late = await failing(post(config('/slow'), { timeoutMs: 50 }));
    assert.ok(late instanceof OutboundError && late.kind === 'timeout');
    assert.match(late.message, /: context deadline exceeded$/);
    const caller = new AbortController();
    const pending = failing(post(config('/slow'), { signal: caller.signal }));
    caller.abort();
    const ended = await pending;
    assert.ok(ended instanceof OutboundError && ended.kind === 'canceled');
  });

  test('names the Service in its certificate and in its URL', async () => {
    const named = await startHttpsServer(authority, ({ headers }, answer) => answer.json(200, { host: headers.host }), {
      dns: ['hook.ns.svc'],
    });
    const given = { service: { namespace: 'ns', name: 'hook', path: '/x', port: 8443 }, caBundle: config('/').caBundle as string };
    const call = { body: {}, timeoutMs: 5_000, signal: new AbortController().signal };
    const at = (port: number) => ({ outbound, services: { resolve: () => ({ host: '127.0.0.1', port }) } });
    assert.deepEqual(await callWebhook(given, call, at(named.port)), { host: 'hook.ns.svc:8443' });
    assert.match(
      (await failing(callWebhook(given, call, at(server.port)))).message,
      /^Post "https:\/\/hook\.ns\.svc:8443\/x\?timeout=5s": tls: failed to verify certificate: x509: certificate is valid for .*127\.0\.0\.1, not hook\.ns\.svc$/,
    );
    await named.stop();
  });
});

test('HttpsOutbound takes no answer beyond its bound', async () => {
  const { hostname, port } = new URL(server.url);
  const call: OutboundCall = {
    method: 'GET',
    address: { host: hostname, port: Number(port) },
    url: `${server.url}/huge`,
    trust: { ca: authority.certificate },
    timeoutMs: 5_000,
    maxBytes: 1_000,
    signal: new AbortController().signal,
  };
  assert.match((await failing(outbound.call(call))).message, /^Get ".*": the answer is larger than 1000 bytes$/);
  assert.equal((await outbound.call({ ...call, maxBytes: 2_000 })).body.length, 2_000);
});

describe('addresses of Services', () => {
  const service = (spec: object): Service => ({ metadata: { name: 'web', namespace: 'ns' }, spec }) as unknown as Service;
  const ports = [{ name: 'https', port: 443 }];
  const wanted = { namespace: 'ns', name: 'web', port: 443 };
  const slice = (addressType: string, addresses: string[], over: object = {}): EndpointSlice =>
    ({ addressType, ports: [{ name: 'https', port: 8443 }], endpoints: addresses.map((one) => ({ addresses: [one], ...over })) }) as never;

  for (const c of [
    { name: 'the cluster IP', spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports }, is: { host: '10.0.0.1', port: 443 } },
    { name: 'the external name', spec: { type: 'ExternalName', externalName: 'a.example' }, is: { host: 'a.example', port: 443 } },
    { name: 'headless', spec: { type: 'ClusterIP', clusterIP: 'None', ports }, is: 'cannot route to service with ClusterIP "None"' },
    { name: 'another port', spec: { type: 'NodePort', ports: [] }, is: 'no service port 443 found for service "web"' },
  ]) {
    test(`clusterAddress: ${c.name}`, () => {
      if (typeof c.is === 'string') assert.throws(() => clusterAddress(service(c.spec), wanted), { message: c.is });
      else assert.deepEqual(clusterAddress(service(c.spec), wanted), c.is);
    });
  }

  for (const c of [
    { name: 'one that is ready', slices: [slice('IPv4', ['10.1.0.1'], { conditions: { ready: false } }), slice('IPv4', ['10.1.0.2'])] },
    { name: 'the first family', slices: [slice('IPv6', ['fd00::1']), slice('IPv4', ['10.1.0.2'])] },
  ]) {
    test(`endpointAddress: ${c.name}`, () =>
      assert.deepEqual(
        endpointAddress(service({ type: 'ClusterIP', ports, ipFamilies: ['IPv4'] }), c.slices, wanted, () => 0),
        { host: '10.1.0.2', port: 8443 },
      ));
  }

  test('endpointAddress without any', () =>
    assert.throws(
      () => endpointAddress(service({ type: 'ClusterIP', ports }), [], wanted, () => 0),
      (error: unknown) => isStatusError(error, 'ServiceUnavailable') && error.message === 'no endpoints available for service "web"',
    ));
});
