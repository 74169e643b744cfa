// The life of an object of every built-in kind, over HTTP/2, in JSON and in protobuf: what conformance does with each of them.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { decodeValue } from '#api/decode.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { WatchFrameReader } from '#api/protobuf/watch.ts';
import { serviceaccounts } from '#api/resources.ts';
import { Schema, type ResourceInfo } from '#api/schema.ts';
import type { KubeObject, Status } from '#api/types.ts';
import { goJson } from '#apimachinery/go-format.ts';
import { parseExactly } from '#apimachinery/json.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { defaultParts, ensureDefaults } from './defaults.ts';
import { ADMIN, startTestServer, type TestServer } from './testing.ts';
import { builtInObjects, type BuiltInObject } from './testing/built-in-objects.ts';
import { http2 } from './testing/http.ts';

const schema = new Schema();
const protobuf = kubeProtobuf(schema);
/** By name, in the preferred version. */
const resources = new Map([...schema.resources()].toReversed().map((info) => [groupResourceString(info), info] as const));
const objects = await builtInObjects();

/** Not objects one keeps, or not everything can be done with them. */
const ELSEWHERE = /review|^bindings$|^componentstatuses$/;

let server: TestServer;
let session: ClientHttp2Session;
before(async () => {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const serviceAccounts = { issuer: 'https://here.example.test', signingKey, jwksUri: 'https://here.example.test/openid/v1/jwks' };
  server = await startTestServer({
    parts: (parts, { certificate }) =>
      // Without priority and fairness, whose keeper writes to the objects of its API while they are looked at.
      defaultParts(parts, {
        authentication: { clientCa: certificate, serviceAccounts },
        flowControl: { priorityAndFairness: false, maxReads: 400, maxWrites: 200 },
      }),
  });
  const client = createClient(server.server.loopback(ADMIN));
  await ensureDefaults(client, { clock: systemClock, logger: silentLogger });
  await client.create(serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
  const { authority, admin, url } = server;
  session = connect(url, { ca: authority.certificate, cert: admin.certificate, key: admin.key });
});
after(async () => {
  session.destroy();
  await server.stop();
});

type Found = KubeObject & { readonly status?: object; readonly items?: readonly Found[] };
type Encoding = 'json' | 'protobuf';
const MEDIA: Readonly<Record<Encoding, string>> = { json: 'application/json', protobuf: 'application/vnd.kubernetes.protobuf' };
const MAX_FRAME_BYTES = 1 << 20;

const decode = (encoding: Encoding, body: Uint8Array): unknown =>
  encoding === 'json' ? JSON.parse(Buffer.from(body).toString()) : protobuf.decode(body, '');

/** A client that speaks one encoding. */
function speaking(encoding: Encoding) {
  const call = async (method: string, path: string, body?: object, type = MEDIA[encoding]) => {
    const encoded = body === undefined ? undefined : type === MEDIA.protobuf ? protobuf.encode(body) : Buffer.from(JSON.stringify(body));
    const headers = { accept: MEDIA[encoding], ...(encoded === undefined ? {} : { 'content-type': type }) };
    const answer = await http2(session, path, { method, headers, ...(encoded === undefined ? {} : { body: encoded }) });
    assert.equal(answer.headers['content-type'], MEDIA[encoding], `${method} ${path}`);
    return { code: answer.status, object: decode(encoding, answer.body) as Found & Status };
  };
  return {
    call,
    async expect(code: number, ...args: Parameters<typeof call>): Promise<Found> {
      const { code: given, object } = await call(...args);
      assert.equal(given, code, `${args[0]} ${args[1]}: ${object.message}`);
      return object;
    },
  };
}

/** Events until the object is gone. */
async function lived(encoding: Encoding, stream: ClientHttp2Stream): Promise<readonly { readonly type: string; readonly object: Found }[]> {
  const seen: { readonly type: string; readonly object: Found }[] = [];
  const frames = new WatchFrameReader(MAX_FRAME_BYTES);
  let line = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (encoding === 'protobuf') {
      for (const { type, object } of frames.push(chunk)) seen.push({ type, object: decode(encoding, object) as Found });
    } else {
      const lines = (line + chunk.toString()).split('\n');
      line = lines.pop() ?? '';
      seen.push(...lines.map((text) => JSON.parse(text) as { readonly type: string; readonly object: Found }));
    }
    if (seen.at(-1)?.type === 'DELETED') break;
  }
  stream.destroy();
  return seen;
}

test('every built-in resource has a life here', () => {
  const lasting = [...resources].filter(([name, { verbs }]) => !ELSEWHERE.test(name) && verbs.includes('create')).map(([name]) => name);
  assert.deepEqual(objects.map(({ resource }) => resource).toSorted(), lasting.toSorted());
});

test('a body in protobuf that names no kind is of the kind of its path', async () => {
  // runtime.Unknown with nothing but a ConfigMap whose metadata is a name.
  const body = Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x12, 10, 0x0a, 8, 0x0a, 6]), Buffer.from('plain1')]);
  const answer = await http2(session, '/api/v1/namespaces/default/configmaps', {
    method: 'POST',
    headers: { 'content-type': MEDIA.protobuf },
    body,
  });
  const { kind, metadata } = JSON.parse(answer.body.toString()) as Found;
  assert.deepEqual([answer.status, kind, metadata.name], [201, 'ConfigMap', 'plain1']);
});

test('the data of a revision has the bytes of Go in both encodings, for clients compare them with their own', async () => {
  const path = '/apis/apps/v1/namespaces/default/controllerrevisions';
  const data = { spec: { template: { $patch: 'replace', spec: { containers: [{ args: ['a <b> && c'], name: 'c' }] } } } };
  const body = Buffer.from(JSON.stringify({ metadata: { name: 'bytes' }, data, revision: 1 }));
  await http2(session, path, { method: 'POST', headers: { 'content-type': MEDIA.json }, body });
  const bytes = String.raw`{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"args":["a \u003cb\u003e \u0026\u0026 c"],"name":"c"}]}}}}`;
  for (const accept of Object.values(MEDIA)) {
    const answer = await http2(session, `${path}/bytes`, { method: 'GET', headers: { accept } });
    assert.ok(answer.body.includes(bytes), `${accept}: ${answer.body.toString()}`);
  }
  await http2(session, `${path}/bytes`, { method: 'DELETE', headers: {} });
});

for (const encoding of ['json', 'protobuf'] as const) {
  describe(`in ${encoding}`, { concurrency: 4 }, () => {
    for (const one of objects) test(one.resource, () => life(one, resources.get(one.resource) as ResourceInfo, encoding));
  });
}

/** Whether `found` says all that `wanted` says. */
function includes(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(found) && wanted.every((item, i) => includes(found[i], item));
  if (!isObject(wanted)) return found === wanted;
  return isObject(found) && Object.entries(wanted).every(([name, value]) => includes(found[name], value));
}

/** What the server itself writes to a definition is written. */
/** Members in the order of their type, whoever gave them; held against Go's own encoder once. */
async function isAsGoWritesIt(path: string, info: ResourceInfo): Promise<void> {
  const { body } = await http2(session, path, { method: 'GET', headers: { accept: MEDIA.json } });
  const { object } = decodeValue(parseExactly(Buffer.from(body).toString()), info.schema, { fieldValidation: 'Strict' });
  assert.equal(Buffer.from(body).toString(), `${goJson(object)}\n`);
}

async function established(path: string, expect: ReturnType<typeof speaking>['expect']): Promise<void> {
  for (;;) {
    const { status } = await expect(200, 'GET', path);
    if (includes(status, { storedVersions: ['v1'] }) && JSON.stringify(status).includes('"Established"')) return;
  }
}

/** Protobuf has empty values where JSON has none. */
const plain = (object: object): object => protobuf.decode(protobuf.encode(object), '');

async function life(
  { resource, content, status, names = ['one', 'two'] }: BuiltInObject,
  info: ResourceInfo,
  encoding: Encoding,
): Promise<void> {
  const { call, expect } = speaking(encoding);
  const [fixed] = names as [string];
  const single = names.length === 1;
  const unique = (name: string): string => (resource === 'ipaddresses.networking.k8s.io' || single ? name : `${encoding}-${name}`);
  const apiVersion = apiVersionOf(info);
  const root = info.group === '' ? `/api/${info.version}` : `/apis/${apiVersion}`;
  const collection = info.namespaced ? `${root}/namespaces/default/${info.resource}` : `${root}/${info.resource}`;
  const life = `life-${encoding}`;
  const selected = `labelSelector=life%3D${life}`;
  const object = (name: string) => ({ apiVersion, kind: info.kind, metadata: { name: unique(name), labels: { life } }, ...content });
  const path = `${collection}/${unique(fixed)}`;

  const created = await expect(201, 'POST', collection, object(fixed));
  assert.deepEqual([created.kind, created.apiVersion], [info.kind, apiVersion]);
  assert.equal((await call('POST', collection, object(fixed))).object.reason, 'AlreadyExists');
  assert.deepEqual((await expect(200, 'GET', path)).metadata.uid, created.metadata.uid);
  if (encoding === 'json') await isAsGoWritesIt(path, info);
  if (info.resource === 'customresourcedefinitions') await established(path, expect);
  const everywhere = await expect(200, 'GET', `${root}/${info.resource}?${selected}`);
  assert.deepEqual([everywhere.kind, everywhere.items?.map(({ metadata }) => metadata.uid)], [`${info.kind}List`, [created.metadata.uid]]);
  const since = `watch=true&resourceVersion=${created.metadata.resourceVersion}&${selected}`;
  const watching = session.request({ ':path': `${collection}?${since}`, accept: MEDIA[encoding] });
  const watched = lived(encoding, watching);

  const patch = (type: string, body: object, query = ''): Promise<Found> => expect(200, 'PATCH', `${path}${query}`, body, type);
  await patch('application/strategic-merge-patch+json', { metadata: { labels: { strategic: 'yes' } } });
  await patch('application/merge-patch+json', { metadata: { annotations: { merged: 'yes' } } });
  await patch('application/json-patch+json', [{ op: 'add', path: '/metadata/labels/json', value: 'yes' }]);
  const applying = { apiVersion, kind: info.kind, metadata: { name: unique(fixed), labels: { applied: 'yes' } } };
  const applied = await patch('application/apply-patch+yaml', applying, '?fieldManager=walker');
  const again = await patch('application/apply-patch+yaml', applying, '?fieldManager=walker');
  assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion, 'applying the same changes nothing');
  assert.deepEqual(applied.metadata.labels, { ...applied.metadata.labels, life, strategic: 'yes', json: 'yes', applied: 'yes' });
  assert.equal(applied.metadata.annotations?.['merged'], 'yes');

  const changed = { ...applied, metadata: { ...applied.metadata, labels: { ...applied.metadata.labels, updated: 'yes' } } };
  const updated = await expect(200, 'PUT', path, changed);
  assert.equal(updated.metadata.labels?.['updated'], 'yes');
  const stale = { ...changed, metadata: { ...changed.metadata, resourceVersion: created.metadata.resourceVersion } };
  // Some kinds take an update whose version is old, when it says nothing new; none takes this one.
  assert.equal((await call('PUT', path, stale)).object.reason, 'Conflict');

  if (status !== undefined) {
    const stated = await expect(200, 'PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
    assert.ok(includes(stated.status, status), JSON.stringify(stated.status));
    assert.deepEqual(await expect(200, 'PUT', `${path}/status`, stated), stated);
    assert.deepEqual(await expect(200, 'GET', `${path}/status`), stated);
  }
  const other = speaking(encoding === 'json' ? 'protobuf' : 'json');
  const [one, same] = [await expect(200, 'GET', path), await other.expect(200, 'GET', path)];
  assert.deepEqual(plain(one), plain(same), 'both encodings say the same');

  const preconditions = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'another' } };
  assert.equal((await call('DELETE', path, preconditions)).object.reason, 'Conflict');
  for (const query of ['uid=another', 'resourceVersion=1'])
    assert.equal((await call('DELETE', `${path}?${query}`)).object.reason, 'Conflict');
  await expect(200, 'DELETE', `${path}?dryRun=All`);
  await remove();
  const events = await watched;
  assert.ok(
    events.slice(0, -1).every(({ type }) => type === 'MODIFIED'),
    events.map(({ type }) => type).join(),
  );
  assert.equal(events.at(-1)?.object.metadata.uid, created.metadata.uid);

  for (const name of names) await expect(201, 'POST', collection, object(name));
  if (info.verbs.includes('deletecollection')) await expect(200, 'DELETE', `${collection}?${selected}`);
  for (const name of names) await remove(`${collection}/${unique(name)}`);
  assert.deepEqual((await expect(200, 'GET', `${collection}?${selected}`)).items ?? [], []);

  /** And plays the controllers that hold it. */
  async function remove(at = path): Promise<void> {
    const { code } = await call('DELETE', `${at}?gracePeriodSeconds=0`);
    assert.ok([200, 202, 404, 409].includes(code), `DELETE ${at}: ${code}`);
    const left = await call('GET', at);
    if (left.code === 404) return;
    if (resource === 'namespaces') await expect(200, 'PUT', `${at}/finalize`, { ...left.object, spec: {} });
    else await call('PATCH', at, { metadata: { finalizers: null } }, 'application/merge-patch+json');
    assert.equal((await call('GET', at)).code, 404, at);
  }
}
