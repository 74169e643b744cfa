import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import type { Node } from '#api/types.ts';
import { createTestAuthority, type TestAuthority } from '#apiserver/testing/certificates.ts';
import { KubeletMetricsClient } from '#metrics/kubelet-client.ts';
import { defer, Scope } from '#test/harness/scope.ts';

/** Answers with the name of whoever asks. */
async function kubelet(scope: Scope, authority: TestAuthority): Promise<Node> {
  const { certificate, key } = await authority.serving({ dns: [], ip: ['127.0.0.1'] });
  const server: Server = createServer({ cert: certificate, key, ca: authority.certificate, requestCert: true }, (request, response) => {
    response.setHeader('connection', 'close');
    response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(scope, () => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    metadata: { name: 'n' },
    status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } },
  } as unknown as Node;
}

test('a kubelet is asked for metrics with the certificate of now, and believed only under the authority of now', async () => {
  await using scope = new Scope();
  const [authority, other] = [await createTestAuthority(systemClock.now()), await createTestAuthority(systemClock.now())];
  const node = await kubelet(scope, authority);
  const as = async (name: string, { certificate: ca }: TestAuthority) => ({ ...(await authority.client({ name, groups: [] })), ca });
  let credentials = await as('before', authority);
  const client = new KubeletMetricsClient(() => credentials);
  defer(scope, () => client.close());
  const ask = (): Promise<string> => client.fetchMetrics(node, AbortSignal.timeout(60_000));
  assert.deepEqual(await Promise.all([ask(), ask()]), ['before', 'before']);
  credentials = await as('after', authority);
  assert.equal(await ask(), 'after');
  credentials = await as('after', other);
  await assert.rejects(ask(), { code: /CERT_|UNABLE_TO|SIGNATURE/ });
});
