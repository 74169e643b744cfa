// A server whose admission is webhooks alone, a webhook server with all they are made to answer, and what tests ask of both.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { configmaps, mutatingwebhookconfigurations, namespaces, validatingwebhookconfigurations } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { lookingSink } from '../../../audit/testing.ts';
import { ADMIN, startTestServer, type TestServer } from '../../../testing.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { base64, onlyWebhooks, patching, startWebhookServer, type Asked, type WebhookServer } from '../testing.ts';

const data = ({ object }: Asked): Readonly<Record<string, string>> => (object as { data?: Record<string, string> } | null)?.data ?? {};

/** By path. */
const ANSWERS: Parameters<typeof startWebhookServer>[1] = {
  '/allow': () => ({ warnings: ['careful: "this"', 'and that'], auditAnnotations: { seen: 'yes', 'not a key!': 'x' } }),
  '/deny': (request) =>
    data(request)['bad'] === undefined && request.operation !== 'DELETE' && request.operation !== 'CONNECT'
      ? {}
      : { allowed: false, status: { message: 'it is bad', reason: 'Conflict', code: 409, details: { name: 'x' } } },
  '/deny-silently': () => ({ allowed: false }),
  '/first': (request) => ('start' in data(request) ? patching([{ op: 'add', path: '/data/stage-1', value: 'yes' }]) : {}),
  '/second': (request) => ('stage-1' in data(request) ? patching([{ op: 'add', path: '/data/stage-2', value: 'yes' }]) : {}),
  '/count': (request) => patching([{ op: 'add', path: '/data/count', value: `${Number(data(request)['count'] ?? 0) + 1}` }]),
  '/init': () => patching([{ op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'i' }] }]),
  '/slow': () => () => {},
  '/wrong-uid': () => ({ uid: 'somebody-else' }),
  '/wrong-version':
    () =>
    (answer, { uid }) =>
      answer.json(200, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v9', response: { uid, allowed: true } }),
  '/no-response': () => (answer) => answer.json(200, { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' }),
  '/no-json': () => (answer) => answer.text(200, '<html>'),
  '/wrong-type': () => ({ allowed: 'yes' }),
  '/error': () => (answer) => answer.text(500, 'out of order'),
  '/cut': () => (answer) => answer.cut('{'),
  '/huge': () => (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024)),
  '/no-patch': () => ({ patch: base64('nothing'), patchType: 'JSONPatch' }),
  '/no-fit': () => patching([{ op: 'remove', path: '/data/missing' }]),
  '/no-object': () => patching([{ op: 'replace', path: '/data', value: 7 }]),
  '/other-kind': () => patching([{ op: 'replace', path: '/kind', value: 'Secret' }]),
  '/elsewhere': () => patching([{ op: 'replace', path: '/metadata/namespace', value: 'spared' }]),
  '/own-metadata': () =>
    patching(
      ['uid', 'creationTimestamp', 'selfLink'].map((name) => ({
        op: 'add',
        path: `/metadata/${name}`,
        value: name === 'creationTimestamp' ? '2001-01-01T00:00:00Z' : '7',
      })),
    ),
  '/versioned': () => patching([{ op: 'add', path: '/metadata/resourceVersion', value: '7' }]),
  '/moved': () => (answer) => answer.text(307, ''),
  '/no-type': () => ({ patch: base64([{ op: 'add', path: '/data/x', value: 'y' }]) }),
  '/other-type': () => ({ patch: base64([{ op: 'add', path: '/data/x', value: 'y' }]), patchType: 'Merge' }),
};

export const rule = (resource = 'configmaps', operations: readonly string[] = ['*'], over: object = {}) => ({
  operations,
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: [resource],
  ...over,
});

export interface Map_ extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export const map = (name: string, content: Record<string, string> = {}, namespace = 'one'): New<never> =>
  ({ metadata: { name, namespace }, data: content }) as never;

export const pod = (name: string): never =>
  ({ metadata: { name, namespace: 'one' }, spec: { containers: [{ name: 'c', image: 'i' }] } }) as never;

export const refusal = async (pending: Promise<unknown>): Promise<StatusError> => {
  try {
    await pending;
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  return assert.fail('it should have been refused');
};

export interface WebhookScene {
  readonly server: TestServer;
  readonly hooks: WebhookServer;
  readonly client: Client;
  /** Annotations of the last audit event that are the webhooks'. */
  readonly audited: Readonly<Record<string, string>>;
  /** Warnings that callers in this process were given. */
  readonly logged: readonly string[];
  /** One webhook of a configuration. */
  hook(path: string, over?: object): object;
  mutating(name: string, ...webhooks: readonly object[]): Promise<unknown>;
  validating(name: string, ...webhooks: readonly object[]): Promise<unknown>;
  /** A ConfigMap; resolves with its data. */
  create(content?: Record<string, string>, name?: string): Promise<Map_['data']>;
}

/** Registers hooks of the test file: each test begins without configurations, with the namespaces `one` (hooks: on) and `spared`. */
export function webhookScene(): WebhookScene {
  let server: TestServer;
  let hooks: WebhookServer;
  let client: Client;
  let audited: Record<string, string> = {};
  const logged: string[] = [];

  before(async () => {
    server = await startTestServer({
      store: new MemoryStore(systemClock),
      logger: { ...silentLogger, warn: (message, fields) => void ('user' in (fields ?? {}) && logged.push(message)) },
      options: { kubelet: () => ({ clientCertificate: '', clientKey: '' }), serviceRouting: 'clusterIP' },
      parts: (parts) => ({
        admission: onlyWebhooks(parts),
        audit: lookingSink(({ audit }) => {
          // What authorization notes of every request is not the webhooks'.
          const noted = Object.entries({ ...audit.entries, ...audit.requestEntries });
          audited = Object.fromEntries(noted.filter(([key]) => !key.startsWith('authorization.k8s.io/')));
        }),
      }),
    });
    hooks = await startWebhookServer(server.authority, ANSWERS);
    client = createClient(server.server.loopback(ADMIN));
    for (const name of ['one', 'spared'])
      await client.create(namespaces, { metadata: { name, labels: { hooks: name === 'one' ? 'on' : 'off' } } } as never);
  });
  after(async () => {
    await hooks.stop();
    await server.stop();
  });
  afterEach(async () => {
    await client.deleteCollection(mutatingwebhookconfigurations, {});
    await client.deleteCollection(validatingwebhookconfigurations, {});
    await client.deleteCollection(configmaps, { namespace: 'one' });
    hooks.forget();
  });

  const hook = (path: string, over: object = {}): object => ({
    name: `${path.slice(1)}.example.com`,
    clientConfig: { url: `${hooks.url}${path}`, caBundle: base64(server.authority.certificate) },
    rules: [rule()],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 10,
    ...over,
  });

  const mutating = (name: string, ...webhooks: readonly object[]): Promise<unknown> =>
    client.create(mutatingwebhookconfigurations, { metadata: { name }, webhooks } as never);
  const validating = (name: string, ...webhooks: readonly object[]): Promise<unknown> =>
    client.create(validatingwebhookconfigurations, { metadata: { name }, webhooks } as never);

  const create = async (content: Record<string, string> = {}, name = 'map'): Promise<Map_['data']> =>
    ((await client.create(configmaps, map(name, content))) as Map_).data;

  return {
    get server() {
      return server;
    },
    get hooks() {
      return hooks;
    },
    get client() {
      return client;
    },
    get audited() {
      return audited;
    },
    logged,
    hook,
    mutating,
    validating,
    create,
  };
}
