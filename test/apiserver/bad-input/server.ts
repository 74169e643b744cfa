// The server that bad input is sent to, and what it holds.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import type { WireStatus } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { namespaces, serviceaccounts } from '#api/resources.ts';
import { defaultParts, ensureDefaults } from '#apiserver/defaults.ts';
import { ADMIN, startTestServer, type TestServer } from '#apiserver/testing.ts';
import { http1, http2, http2Session, json, type HttpAnswer, type HttpCall } from '#apiserver/testing/http.ts';

export const PROTOCOLS = ['HTTP/1.1', 'HTTP/2'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What must be as it was: of every kind that requests are for. */
const WATCHED = [
  '/api/v1/namespaces/default/configmaps',
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/secrets',
  '/api/v1/namespaces/default/services',
  '/apis/apps/v1/namespaces/default/deployments',
  '/apis/batch/v1/namespaces/default/jobs',
];

export interface BadInputServer {
  readonly server: TestServer;
  send(protocol: Protocol, path: string, call: HttpCall): Promise<HttpAnswer>;
  /** Every object that requests could have touched, as it is now. */
  state(): Promise<string>;
  stop(): Promise<void>;
}

/** Of a Job that says itself which pods are its own. */
export const job = (completions: number) => ({
  completions,
  manualSelector: true,
  selector: { matchLabels: { job: 'settled' } },
  template: { metadata: { labels: { job: 'settled' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
});

/** What an update may not change in some way. */
const SETTLED = {
  '/api/v1/namespaces/default/configmaps': { metadata: { name: 'fixed' }, data: { k: 'v' }, immutable: true },
  '/api/v1/namespaces/default/secrets': { metadata: { name: 'typed' }, type: 'example.com/one' },
  '/apis/apps/v1/namespaces/default/deployments': {
    metadata: { name: 'settled' },
    spec: {
      selector: { matchLabels: { app: 'settled' } },
      template: { metadata: { labels: { app: 'settled', more: 'yes' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  },
  '/apis/batch/v1/namespaces/default/jobs': {
    metadata: { name: 'settled' },
    spec: job(2),
  },
};

/** Holds the ConfigMap `here`, with data `k: v` and label `a: b`, and what is `SETTLED`. */
export async function startBadInputServer(): Promise<BadInputServer> {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const serviceAccounts = { issuer: 'https://kubernetes.default.svc', signingKey, jwksUri: 'https://127.0.0.1/openid/v1/jwks' };
  const server = await startTestServer({
    parts: (parts, authority) => defaultParts(parts, { authentication: { clientCa: authority.certificate, serviceAccounts } }),
  });
  const admin = createClient(server.server.loopback(ADMIN));
  await ensureDefaults(admin, { clock: systemClock, logger: silentLogger });
  await admin.create(namespaces, { metadata: { name: 'ending', finalizers: ['example.com/stays'] } });
  await admin.delete(namespaces, { name: 'ending' });
  await admin.create(serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
  const here = { metadata: { name: 'here', labels: { a: 'b' } }, data: { k: 'v' } };
  const type = { 'content-type': 'application/json' };
  const made = [['/api/v1/namespaces/default/configmaps', here], ...Object.entries(SETTLED)] as const;
  for (const [path, object] of made) {
    const { status, body } = await http1(server, path, { method: 'POST', headers: type, body: JSON.stringify(object) });
    assert.equal(status, 201, body.toString());
  }
  const sessions = new Map<HttpCall['as'], ClientHttp2Session>();
  const session = (as: HttpCall['as']): ClientHttp2Session => {
    let one = sessions.get(as);
    if (one === undefined || one.closed || one.destroyed) sessions.set(as, (one = http2Session(server, as)));
    return one;
  };
  return {
    server,
    send: (protocol, path, call) => (protocol === 'HTTP/1.1' ? http1(server, path, call) : http2(session(call.as), path, call)),
    async state() {
      const lists = await Promise.all(WATCHED.map((path) => http2(session('admin'), path)));
      return lists.map((answer) => JSON.stringify(json<{ readonly items: unknown }>(answer).items)).join('\n');
    },
    async stop() {
      for (const one of sessions.values()) one.destroy();
      await server.stop();
    },
  };
}

export interface ExpectedStatus {
  readonly code: number;
  readonly reason?: string;
  /** Exactly, or where it repeats what differs each time, as a pattern. */
  readonly message: string | RegExp;
  readonly details?: object;
}

/** The whole Status, field by field. */
export function assertStatus(answer: HttpAnswer, { code, reason, message, details }: ExpectedStatus): void {
  const status = json<WireStatus>(answer);
  assert.equal(answer.status, code, answer.body.toString());
  if (message instanceof RegExp) assert.match(status.message ?? '', message);
  const wanted = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: message instanceof RegExp ? status.message : message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
  assert.deepEqual(status, wanted);
}
