// What all resources do alike, and which do not, in every version: creation by PUT, generated names, what DELETE does to
// dependents, and what a status update may change. Source: test/integration/apiserver/apidefinitions.
import assert from 'node:assert/strict';
import { connect, type ClientHttp2Session } from 'node:http2';
import { after, before, test } from 'node:test';
import { Schema, type ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { builtInObjects } from '../testing/built-in-objects.ts';
import { http2, type HttpAnswer } from '../testing/http.ts';
import { optionalContent, optionalName, optionalStatus } from '../testing/optional-objects.ts';

const CREATED_BY_PUT = new Set([
  'endpoints',
  'events',
  'events.events.k8s.io',
  'limitranges',
  'services',
  'leasecandidates.coordination.k8s.io',
  'leases.coordination.k8s.io',
  'runtimeclasses.node.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'roles.rbac.authorization.k8s.io',
]);
/** Their names say something. */
const NO_GENERATED_NAMES = new Set([
  'apiservices.apiregistration.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'ipaddresses.networking.k8s.io',
  'storageversions.internal.apiserver.k8s.io',
]);
const ORPHANING = new Set(['jobs.batch', 'replicationcontrollers']);
const WITHOUT_DEPENDENTS = new Set(['events', 'events.events.k8s.io']);
/** A write of their status writes labels too. */
const STATUS_WRITES_METADATA = new Set([
  'namespaces',
  'nodes',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'services',
  'customresourcedefinitions.apiextensions.k8s.io',
  'daemonsets.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'horizontalpodautoscalers.autoscaling',
  'cronjobs.batch',
  'jobs.batch',
  'certificatesigningrequests.certificates.k8s.io',
  'ingresses.networking.k8s.io',
  'poddisruptionbudgets.policy',
]);

const objects = new Map((await builtInObjects()).map((one) => [one.resource, one] as const));
const LASTING = ['create', 'get', 'update', 'delete'] as const;
const infos = [...new Schema({ serves: () => true }).resources()].filter(({ verbs }) => LASTING.every((verb) => verbs.includes(verb)));

let server: TestServer;
let session: ClientHttp2Session;
before(async () => {
  server = await startTestServer({ options: { schema: new Schema({ serves: () => true }) } });
  const { authority, admin, url } = server;
  session = connect(url, { ca: authority.certificate, cert: admin.certificate, key: admin.key });
});
after(async () => {
  session.destroy();
  await server.stop();
});

const root = ({ group, version }: ResourceInfo): string => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
const collectionOf = (info: ResourceInfo): string => `${root(info)}${info.namespaced ? '/namespaces/default' : ''}/${info.resource}`;
const nameOf = (info: ResourceInfo): string => objects.get(groupResourceString(info))?.names?.[0] ?? optionalName(info);
const pathOf = (info: ResourceInfo): string => `${collectionOf(info)}/${nameOf(info)}`;

function objectOf(info: ResourceInfo, metadata: object): object {
  const content = optionalContent(info) ?? objects.get(groupResourceString(info))?.content;
  assert.ok(content, `${groupResourceString(info)} has an object`);
  return { apiVersion: apiVersionOf(info), kind: info.kind, metadata, ...content };
}

async function send(method: string, path: string, body?: object, type = 'application/json'): Promise<HttpAnswer> {
  const headers = { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }) };
  return http2(session, path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

const objectIn = ({ body }: HttpAnswer): KubeObject => JSON.parse(body.toString()) as KubeObject;
const merge = 'application/merge-patch+json';

async function expect(code: number, ...call: Parameters<typeof send>): Promise<KubeObject> {
  const answer = await send(...call);
  assert.equal(answer.status, code, `${call[0]} ${call[1]}: ${answer.body.toString()}`);
  return objectIn(answer);
}

async function remove(info: ResourceInfo, path = pathOf(info)): Promise<void> {
  for (;;) {
    await send('DELETE', `${path}?gracePeriodSeconds=0`);
    const left = await send('GET', path);
    if (left.status === 404) return;
    if (info.kind === 'Namespace') await send('PUT', `${path}/finalize`, { ...objectIn(left), spec: {} });
    await send('PATCH', path, { metadata: { finalizers: null } }, merge);
  }
}

/** Of the object as it is: whoever keeps its status may write in between. */
async function putDry(path: string, tried: object): Promise<KubeObject> {
  for (;;) {
    const now = await expect(200, 'GET', path);
    const answer = await send('PUT', `${path}?dryRun=All`, { ...now, metadata: { ...now.metadata, ...tried } });
    if (answer.status === 409) continue;
    assert.equal(answer.status, 200, answer.body.toString());
    return objectIn(answer);
  }
}

/** Every write of what is there, tried only: nothing comes of it. Source: test/integration/dryrun. */
async function dryRuns(info: ResourceInfo): Promise<void> {
  const path = pathOf(info);
  const tried = { annotations: { tried: 'yes' } };
  const patched = await expect(200, 'PATCH', `${path}?dryRun=All`, { metadata: tried }, merge);
  const updated = await putDry(path, tried);
  for (const { metadata } of [patched, updated]) assert.equal(metadata.annotations?.['tried'], 'yes');
  if (info.subresources.get('scale')?.verbs.includes('update') === true) {
    const scale = (await expect(200, 'GET', `${path}/scale`)) as KubeObject & { readonly spec: { readonly replicas: number } };
    const ten = { ...scale, spec: { replicas: 10 } };
    for (const answer of [
      await expect(200, 'PATCH', `${path}/scale?dryRun=All`, { spec: { replicas: 10 } }, merge),
      await expect(200, 'PUT', `${path}/scale?dryRun=All`, ten),
    ])
      assert.deepEqual((answer as typeof ten).spec, { replicas: 10 });
    assert.deepEqual(await expect(200, 'GET', `${path}/scale`), scale);
  }
  if (info.verbs.includes('deletecollection')) await expect(200, 'DELETE', `${collectionOf(info)}?dryRun=All`);
  await expect(200, 'DELETE', `${path}?dryRun=All`);
  const { metadata } = await expect(200, 'GET', path);
  assert.deepEqual([metadata.annotations?.['tried'], metadata.deletionTimestamp], [undefined, undefined]);
}

for (const info of infos) {
  const name = groupResourceString(info);
  test(`${info.resource} in ${apiVersionOf(info)}`, async () => {
    const put = await send('PUT', pathOf(info), objectOf(info, { name: nameOf(info) }));
    assert.equal(put.status, CREATED_BY_PUT.has(name) ? 201 : 404, `PUT of what is not there: ${put.body.toString()}`);
    await remove(info);

    const named = await send('POST', collectionOf(info), objectOf(info, { generateName: 'made-' }));
    assert.equal(named.status < 300, !NO_GENERATED_NAMES.has(name), `generated name: ${named.body.toString()}`);
    if (named.status < 300) {
      const { metadata } = objectIn(named);
      assert.match(metadata.name, /^made-\w{5}$/);
      await remove(info, `${collectionOf(info)}/${metadata.name}`);
    }

    const held = { name: nameOf(info), finalizers: ['example.test/held'] };
    const finalizersAfter = async (query: string): Promise<readonly string[]> => {
      await expect(201, 'POST', collectionOf(info), objectOf(info, held));
      await expect(200, 'DELETE', `${pathOf(info)}${query}`);
      const { metadata } = await expect(200, 'GET', pathOf(info));
      await remove(info);
      return (metadata.finalizers ?? []).filter((one) => one === 'orphan' || one === 'foregroundDeletion');
    };
    if (WITHOUT_DEPENDENTS.has(name)) return;
    assert.deepEqual(await finalizersAfter(''), ORPHANING.has(name) ? ['orphan'] : []);
    assert.deepEqual(await finalizersAfter('?propagationPolicy=Foreground'), ['foregroundDeletion']);

    const dry = await expect(201, 'POST', `${collectionOf(info)}?dryRun=All`, objectOf(info, { name: nameOf(info) }));
    assert.deepEqual([dry.kind, dry.apiVersion], [info.kind, apiVersionOf(info)]);
    await expect(404, 'GET', pathOf(info));
    const made = await expect(201, 'POST', collectionOf(info), objectOf(info, { name: nameOf(info) }));
    await dryRuns(info);
    if (info.subresources.get('status')?.verbs.includes('patch') !== true) return remove(info);
    const patched = await expect(
      200,
      'PATCH',
      `${pathOf(info)}/status`,
      { metadata: { labels: { by: 'status' } }, status: optionalStatus(info) },
      merge,
    );
    assert.equal(patched.metadata.labels?.['by'], STATUS_WRITES_METADATA.has(name) ? 'status' : undefined);
    assert.equal(patched.metadata.generation, made.metadata.generation);
    await remove(info);
  });
}
