import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { namespaces, validatingwebhookconfigurations } from '#api/resources.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { onlyWebhooks, startWebhookServer } from '../admission/webhooks/testing.ts';
import { ConfigurationError } from '../configuration/decode.ts';
import { ADMIN, startTestServer, type TestServer } from '../testing.ts';
import { http1, type HttpCall } from '../testing/http.ts';
import { readTracingConfiguration } from './configuration.ts';
import { otlpTracer } from './otlp-tracer.ts';
import { startCollector, type Collected } from './testing/collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
/** Sampled by whoever began it. */
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;
const CONFIG_MAPS = '/api/v1/namespaces/one/configmaps';

/** A server that sends its spans somewhere, and what has arrived there once it has stopped. */
async function tracedServer(t: TestContext, samplingRatePerMillion: number) {
  const collector = await startCollector();
  t.after(() => collector.stop());
  const configuration = { endpoint: collector.endpoint, samplingRatePerMillion };
  const server = await startTestServer({
    parts: (parts) => ({ tracer: otlpTracer({ configuration, instance: 'i', logger: silentLogger }), admission: onlyWebhooks(parts) }),
    options: { serviceRouting: 'clusterIP' },
  });
  const client = createClient(server.server.loopback(ADMIN));
  await client.create(namespaces, { metadata: { name: 'one' } } as never);
  const collected = async (): Promise<readonly Collected[]> => {
    await server.stop();
    return collector.spans;
  };
  return { server, client, collected };
}

const post = (name: string, traceparent?: string): HttpCall => ({
  method: 'POST',
  body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } }),
  headers: { 'content-type': 'application/json', ...(traceparent === undefined ? {} : { traceparent }) },
});

test('an administrator’s trace goes on through the handler, the webhook and the store', async (t) => {
  const { server, client, collected } = await tracedServer(t, 0);
  const hooks = await startWebhookServer(server.authority, { '/allow': () => ({}) });
  t.after(() => hooks.stop());
  await client.create(validatingwebhookconfigurations, configuration(server, hooks.url) as never);
  const answer = await http1(server, `${CONFIG_MAPS}?fieldManager=me`, post('traced', TRACEPARENT));
  assert.equal(answer.status, 201);
  await http1(server, CONFIG_MAPS, post('untraced'));
  const spans = await collected();
  const by = Object.fromEntries(spans.map((span) => [span.name, span]));
  assert.deepEqual(
    spans.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b)),
    ['Call validating webhook', 'Create', 'POST /api/v1/namespaces/{:namespace}/configmaps', 'Store transaction'],
  );
  assert.deepEqual([...new Set(spans.map(({ trace }) => trace))], [TRACE]);
  const root = by['POST /api/v1/namespaces/{:namespace}/configmaps'] as Collected;
  assert.equal(root.parent, PARENT);
  assert.equal(root.attributes['audit-id'], answer.headers['audit-id']);
  assert.equal(root.attributes['http.target'], `${CONFIG_MAPS}?fieldManager=me`);
  assert.equal(root.attributes['http.status_code'], 201);
  for (const name of ['Create', 'Call validating webhook', 'Store transaction']) assert.equal(by[name]?.parent, root.id, name);
  assert.deepEqual(
    hooks.requests.map(({ headers }) => headers['traceparent']),
    [`00-${TRACE}-${by['Call validating webhook']?.id}-01`, undefined],
  );
});

test('who may not decide what this server records is only linked to, and sampled as anybody', async (t) => {
  const { server, collected } = await tracedServer(t, 1_000_000);
  assert.equal((await http1(server, '/version', { as: 'nobody', headers: { traceparent: TRACEPARENT } })).status, 200);
  assert.equal((await http1(server, CONFIG_MAPS, { as: 'nobody' })).status, 403);
  const spans = (await collected()).filter(({ attributes }) => attributes['net.sock.peer.addr'] !== '');
  const version = spans.find(({ attributes }) => attributes['http.target'] === '/version');
  assert.equal(version?.name, 'GET');
  assert.notEqual(version?.trace, TRACE);
  assert.deepEqual(version?.links, [TRACE]);
  const refused = spans.find(({ attributes }) => attributes['http.target'] === CONFIG_MAPS);
  assert.equal(refused?.attributes['http.status_code'], 403);
  assert.equal(refused?.error, '');
});

test('a collector that is not there costs spans, and nothing else', async (t) => {
  const server = await startTestServer({
    parts: () => ({
      tracer: otlpTracer({
        configuration: { endpoint: '127.0.0.1:1', samplingRatePerMillion: 1_000_000 },
        instance: 'i',
        logger: silentLogger,
      }),
    }),
  });
  t.after(() => server.stop());
  assert.equal((await http1(server, '/version')).status, 200);
});

test('the configuration has defaults, and is refused whole for what it may not say', () => {
  const config = (more: string): string => `apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\n${more}`;
  assert.deepEqual(readTracingConfiguration(config('')), { endpoint: 'localhost:4317', samplingRatePerMillion: 0 });
  for (const [text, expected] of [
    ['samplingRatePerMillion: -1', /samplingRatePerMillion: Invalid value: -1: sampling rate must be positive/],
    ['samplingRatePerMillion: 1000001', /sampling rate per million must be less than or equal to one million/],
    [
      'endpoint: "http://collector:4317"',
      /endpoint: Invalid value: .*: unsupported scheme: http\. {2}Options are none, dns, unix, or unix-abstract/,
    ],
    ['endpont: x', /unknown field "endpont"/],
  ] as const) {
    assert.throws(
      () => readTracingConfiguration(config(text)),
      (error) => error instanceof ConfigurationError && expected.test(error.message),
    );
  }
});

function configuration({ authority }: TestServer, url: string): object {
  return {
    metadata: { name: 'hooks' },
    webhooks: [
      {
        name: 'hook.example.com',
        clientConfig: { url: `${url}/allow`, caBundle: Buffer.from(authority.certificate).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}
