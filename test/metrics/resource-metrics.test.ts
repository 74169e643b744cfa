// The resource metrics API from a kubelet's answer to what kubectl shows: over TLS all the way.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { namespaces, nodes, pods } from '#api/resources.ts';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { ADMIN, startTestServer, type TestServer } from '#apiserver/testing.ts';
import { createTestAuthority } from '#apiserver/testing/certificates.ts';
import { createClient } from '#client/client.ts';
import { MetricsSeat, schemaWithMetrics } from '#cluster/node/metrics.ts';
import { kubectl, type KubeClient } from '../harness/kubectl.ts';
import { temporaryFolder } from '../harness/temp.ts';

const authority = await createTestAuthority(systemClock.now());
const serving = await authority.serving({ dns: [], ip: ['127.0.0.1'] });
const credentials = await authority.client({ name: 'metrics', groups: [] });
const clock = new ManualClock(systemClock.now());
const clients: string[] = [];
let cpu = 10;

const kubelet = createServer(
  { ...serving, cert: serving.certificate, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
  (request, response) => {
    clients.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    cpu += 3;
    const at = clock.now();
    const labels = '{container="app",namespace="ns",pod="web"}';
    response.end(
      [
        `container_cpu_usage_seconds_total${labels} ${cpu} ${at}`,
        `container_memory_working_set_bytes${labels} ${64 << 20} ${at}`,
        `container_start_time_seconds${labels} ${at / 1000 - 3600}`,
        `node_cpu_usage_seconds_total ${cpu * 2} ${at}`,
        `node_memory_working_set_bytes ${512 << 20} ${at}`,
      ].join('\n'),
    );
  },
);

let server: TestServer;
let client: KubeClient;
const stopping = new AbortController();
let running: Promise<void>;
const file = { after };
const kubeconfig = join(temporaryFolder(file), 'kubeconfig');
const ready = kubectl(file, kubeconfig);

before(async () => {
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const seat = new MetricsSeat({
    credentials: () => ({ ca: authority.certificate, ...credentials }),
    clock,
    ids: randomIds,
    logger: silentLogger,
  });
  server = await startTestServer({ options: { schema: schemaWithMetrics({}) }, parts: () => ({ handlers: seat.handlers() }) });
  const admin = createClient(server.server.loopback(ADMIN));
  await admin.create(namespaces, { metadata: { name: 'ns' } });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: (kubelet.address() as AddressInfo).port } },
    allocatable: { cpu: '2', memory: '1Gi' },
    capacity: { cpu: '2', memory: '1Gi' },
  } as const;
  await admin.create(nodes, { metadata: { name: 'n1' }, status });
  await admin.create(pods, {
    metadata: { name: 'web', namespace: 'ns', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'i' }] },
  });
  running = seat.run(server.server.loopback(ADMIN), stopping.signal);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { certificate, key } = server.admin;
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      clusters: [{ name: 'test', cluster: { server: server.url, 'certificate-authority-data': base64(server.authority.certificate) } }],
      users: [{ name: 'admin', user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) } }],
    }),
  );
  client = await ready;
  // Two scrapes, the second one resolution later by the test's own clock.
  for (const count of [1, 2]) {
    while (clients.length < count) {
      await wait(systemClock, 5);
      if (count === 2) clock.advance(1000);
    }
  }
  while ((await client.run(['top', 'node'])).code !== 0) await wait(systemClock, 5);
});
after(async () => {
  stopping.abort(new Error('the test is over'));
  await running;
  await server.stop();
  kubelet.closeAllConnections();
  kubelet.close();
});

test('kubectl top and get show what kubelets tell a client they know', async () => {
  assert.deepEqual([...new Set(clients)], ['metrics']);
  assert.match(await client.succeed(['top', 'node']), /^n1 +\d+m +\d+% +512Mi +50%/m);
  assert.match(await client.succeed(['top', 'pod', '-n', 'ns', '--containers']), /^web +app +\d+m +64Mi/m);
  assert.match(await client.succeed(['top', 'pod', '-A', '-l', 'app=web']), /^ns +web +\d+m +64Mi/m);
  assert.match((await client.run(['top', 'pod', '-n', 'ns', '-l', 'app=other'])).stderr, /No resources found/);
  const pod = await client.json<{ readonly kind: string; readonly window: string }>(['get', '-n', 'ns', 'pods.metrics.k8s.io/web']);
  assert.deepEqual([pod.kind, /^1[5-9]s$/.test(pod.window)], ['PodMetrics', true]);
  assert.match((await client.run(['get', '-n', 'ns', 'pods.metrics.k8s.io/none'])).stderr, /pods\.metrics\.k8s\.io "ns\/none" not found/);
});

test('the group is discovered, read only', async () => {
  assert.match(
    await client.succeed(['api-resources', '--api-group=metrics.k8s.io']),
    /^pods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics/m,
  );
  const { stderr } = await client.run(['delete', 'nodes.metrics.k8s.io/n1']);
  assert.match(stderr, /MethodNotAllowed|does not allow this method/);
});
