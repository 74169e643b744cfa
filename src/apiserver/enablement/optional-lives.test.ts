// Every version that is off by default, turned on: an object of it lives, in JSON and protobuf, and is the same object in the
// other versions of its resource.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { isStableVersion, Schema, type ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, json, text, type HttpCall } from '../testing/http.ts';
import { optionalContent, optionalName, optionalStatus } from '../testing/optional-objects.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const schema = new Schema({ serves: () => true });
const protobuf = kubeProtobuf(schema);
const optional = [...schema.resources()].filter(({ group, version }) => !isStableVersion(group, version));

/** DELETE answers with the object. */
const RETURNS_DELETED = /\.resource\.k8s\.io$|^volumeattributesclasses\./;

let server: TestServer;
before(async () => {
  server = await startTestServer({ options: { schema: new Schema({ serves: () => true }) } });
});
after(() => server.stop());

type Found = KubeObject & { readonly spec?: object; readonly items?: readonly KubeObject[] };

async function expect(code: number, path: string, call: HttpCall & { readonly object?: object } = {}): Promise<Found> {
  const { object, ...rest } = call;
  const headers = { accept: JSON_TYPE, 'content-type': JSON_TYPE, ...rest.headers };
  const body =
    object === undefined ? {} : { body: headers['content-type'] === PROTOBUF ? protobuf.encode(object) : JSON.stringify(object) };
  const answer = await http1(server, path, { ...rest, headers, ...body });
  assert.equal(answer.status, code, `${call.method ?? 'GET'} ${path}: ${text(answer)}`);
  return headers.accept === PROTOBUF ? (protobuf.decode(answer.body, '') as Found) : json<Found>(answer);
}

const collection = (info: ResourceInfo): string =>
  `/apis/${apiVersionOf(info)}${info.namespaced ? '/namespaces/default' : ''}/${info.resource}`;

test('every version that is off by default has a life here', () => {
  const missing = optional
    .filter((info) => optionalContent(info) === undefined)
    .map((info) => `${info.resource}.${info.version}.${info.group}`);
  assert.deepEqual(missing, []);
});

describe('an object', () => {
  for (const info of optional)
    for (const type of [JSON_TYPE, PROTOBUF]) test(`of ${info.kind} in ${apiVersionOf(info)}, ${type}`, () => life(info, type));
});

async function life(info: ResourceInfo, type: string): Promise<void> {
  const name = optionalName(info);
  const [all, path] = [collection(info), `${collection(info)}/${name}`];
  const headers = { accept: type, 'content-type': type };
  const identity = { apiVersion: apiVersionOf(info), kind: info.kind };
  const created = await expect(201, all, {
    method: 'POST',
    headers,
    object: { ...identity, metadata: { name, labels: { a: 'b' } }, ...optionalContent(info) },
  });
  assert.deepEqual([created.apiVersion, created.kind], [identity.apiVersion, identity.kind]);

  const listed = await expect(200, all, { headers: { accept: type } });
  assert.deepEqual([listed.apiVersion, listed.kind, listed.items?.length], [identity.apiVersion, `${info.kind}List`, 1]);

  const others = [...schema.resources()].filter((other) => groupResourceString(other) === groupResourceString(info));
  for (const other of others) {
    const seen = await expect(200, `${collection(other)}/${name}`);
    assert.deepEqual([seen.apiVersion, seen.metadata.uid], [apiVersionOf(other), created.metadata.uid]);
    // What one version reads, it may write: nothing is lost on the way there and back.
    await expect(200, `${collection(other)}/${name}`, { method: 'PUT', object: seen });
  }
  const again = await expect(200, path, { headers: { accept: type } });
  assert.deepEqual(again.spec, created.spec);

  const apply = { ...identity, metadata: { name, labels: { applied: 'yes' } } };
  const applied = await expect(200, `${path}?fieldManager=tester&force=true`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    object: apply,
  });
  assert.ok(applied.metadata.managedFields?.some(({ manager, apiVersion }) => manager === 'tester' && apiVersion === identity.apiVersion));
  await expect(200, path, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    object: { metadata: { annotations: { merged: 'yes' } } },
  });
  const status = optionalStatus(info);
  const reported = { ...(await expect(200, path)), ...(status === undefined ? {} : { status }) };
  if (info.subresources.has('status')) await expect(200, `${path}/status`, { method: 'PUT', object: reported });
  const table = await expect(200, path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.equal(table.kind, 'Table');
  const deleted = await expect(200, path, { method: 'DELETE' });
  assert.equal(deleted.kind, RETURNS_DELETED.test(groupResourceString(info)) ? info.kind : 'Status');
  await expect(404, path);
}

test('discovery and OpenAPI show each of them', async () => {
  const groups = await expect(200, '/apis', {
    headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
  });
  const shown = (groups.items as unknown as readonly DiscoveredGroup[]).flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources }) => resources.map(({ resource }) => `${resource}.${version}.${metadata.name}`)),
  );
  const wanted = optional.map(({ resource, version, group }) => `${resource}.${version}.${group}`);
  assert.deepEqual(
    wanted.filter((one) => !shown.includes(one)),
    [],
  );
  for (const info of optional) {
    const document = await expect(200, `/openapi/v3/apis/${apiVersionOf(info)}`);
    const { paths } = document as unknown as { readonly paths: Readonly<Record<string, unknown>> };
    assert.ok(
      Object.keys(paths).some((path) => path.endsWith(`/${info.resource}`)),
      apiVersionOf(info),
    );
  }
});

interface DiscoveredGroup {
  readonly metadata: { readonly name: string };
  readonly versions: readonly { readonly version: string; readonly resources: readonly { readonly resource: string }[] }[];
}

test('a deprecated version says so, and what takes its place', async () => {
  const answer = await http1(server, '/apis/storage.k8s.io/v1beta1/volumeattributesclasses');
  assert.deepEqual(
    answer.headers.warning,
    '299 - "storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+; use storage.k8s.io/v1 VolumeAttributesClass"',
  );
});

test('a version that is off is not found', async () => {
  const plain = await startTestServer();
  try {
    const answer = await http1(plain, '/apis/storage.k8s.io/v1beta1/volumeattributesclasses');
    assert.deepEqual([answer.status, text(answer)], [404, '404 page not found\n']);
  } finally {
    await plain.stop();
  }
});
