// What becomes of a definition, over TLS.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Api, base, definition, DEFINITIONS, widget } from './testing.ts';

let api: Api;
before(async () => {
  api = await Api.start();
});
after(() => api.stop());

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const MERGE = { contentType: 'application/merge-patch+json' };

describe('a definition', () => {
  test('is established, and its resource is served and discovered from then on', async () => {
    const group = 'serve.example.com';
    const crd = await api.define(definition({ group, names: { shortNames: ['wd'], categories: ['all'] } }));
    assert.deepEqual(
      crd.status.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
      [
        ['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'],
        ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'],
      ],
    );
    assert.deepEqual(crd.status.acceptedNames, {
      plural: 'widgets',
      singular: 'widget',
      shortNames: ['wd'],
      kind: 'Widget',
      listKind: 'WidgetList',
      categories: ['all'],
    });
    assert.deepEqual(crd.status.storedVersions, ['v1']);
    const list = (await api.get(`/apis/${group}/v1`)).body as unknown as { readonly resources: readonly unknown[] };
    assert.deepEqual(list.resources, [
      {
        name: 'widgets',
        singularName: 'widget',
        namespaced: true,
        kind: 'Widget',
        verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
        shortNames: ['wd'],
        categories: ['all'],
        storageVersionHash: (list.resources[0] as { storageVersionHash: string }).storageVersionHash,
      },
    ]);
    const groups = (await api.get('/apis', { accept: AGGREGATED })).body;
    const found = groups.items.find(({ metadata }) => metadata['name'] === group) as unknown as {
      readonly versions: readonly { readonly resources: readonly { readonly resource: string }[] }[];
    };
    assert.equal(found.versions[0]?.resources[0]?.resource, 'widgets');
    const created = await api.done('POST', base(group), widget(group, 'a', { anything: { b: 1 } }));
    assert.deepEqual([created['anything'], created.metadata['generation']], [{ b: 1 }, 1]);
    assert.equal((await api.get(`${base(group)}/a`)).text, `${JSON.stringify(created)}\n`);
    assert.equal((await api.get(base(group))).body['kind'], 'WidgetList');
  });

  test('is listed by label and deleted as a collection', async () => {
    for (let i = 0; i < 10; i++)
      await api.define(
        definition({ group: 'many.example.com', plural: `things${i}`, kind: `Thing${i}`, metadata: { labels: { many: 'yes' } } }),
      );
    const selected = `${DEFINITIONS}?labelSelector=many%3Dyes`;
    assert.equal((await api.get(selected)).body.items.length, 10);
    const others = (await api.get(`${DEFINITIONS}?labelSelector=many%21%3Dyes`)).body.items.length;
    await api.done('DELETE', selected);
    for (let i = 0; i < 10; i++) await api.until(`things${i}.many.example.com`, (crd) => crd === undefined);
    assert.equal((await api.get(selected)).body.items.length, 0);
    assert.equal((await api.get(DEFINITIONS)).body.items.length, others);
  });

  test('shows, takes and keeps its status', async () => {
    const group = 'status.example.com';
    await api.define(definition({ group }));
    const path = `${DEFINITIONS}/widgets.${group}/status`;
    const { body } = await api.get(path);
    const condition = {
      type: 'StatusUpdate',
      status: 'True',
      reason: 'E2E',
      message: 'Set from test',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const updated = await api.done('PUT', path, {
      ...body,
      status: { ...body.status, conditions: [...(body.status['conditions'] as []), condition] },
    });
    assert.equal((updated.status['conditions'] as readonly { type: string }[]).at(-1)?.type, 'StatusUpdate');
    const patched = await api.done('PATCH', path, { status: { conditions: [{ ...condition, type: 'StatusPatched' }] } }, MERGE);
    assert.deepEqual(
      (patched.status['conditions'] as readonly { type: string }[]).map(({ type }) => type),
      ['StatusPatched'],
    );
  });

  test('waits for a name that another one has, and takes it when it is given up', async () => {
    const group = 'names.example.com';
    await api.define(definition({ group, plural: 'firsts', kind: 'First', names: { shortNames: ['f'] } }));
    await api.done('POST', DEFINITIONS, definition({ group, plural: 'seconds', kind: 'First', names: { shortNames: ['f', 's'] } }));
    const refused = await api.until(`seconds.${group}`, (crd) => (crd?.status.conditions ?? []).length === 2);
    assert.deepEqual(
      refused?.status.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
      [
        ['NamesAccepted', 'False', 'ListKindConflict', '"FirstList" is already in use'],
        ['Established', 'False', 'NotAccepted', 'not all names are accepted'],
      ],
    );
    assert.equal((await api.get(base(group, 'seconds'))).code, 404);
    await api.done('DELETE', `${DEFINITIONS}/firsts.${group}`);
    const taken = await api.until(`seconds.${group}`, (crd) => crd?.status.conditions?.at(-1)?.status === 'True');
    assert.deepEqual(taken?.status.acceptedNames.shortNames, ['f', 's']);
  });

  test('of a protected group says how it was approved', async () => {
    const crd = await api.define(
      definition({ group: 'x.k8s.io', metadata: { annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } } }),
    );
    const condition = crd.status.conditions?.find(({ type }) => type === 'KubernetesAPIApprovalPolicyConformant');
    assert.deepEqual(
      [condition?.status, condition?.reason, condition?.message],
      ['False', 'UnapprovedAnnotation', 'not approved: "unapproved, a test"'],
    );
  });

  test('goes after its objects, which are gone when it comes again', async () => {
    const group = 'gone.example.com';
    await api.define(definition({ group }));
    await api.done('POST', base(group), widget(group, 'free'));
    await api.done(
      'POST',
      base(group, 'widgets', 'other'),
      widget(group, 'held', { metadata: { name: 'held', finalizers: ['example.com/hold'] } }),
    );
    const deleted = await api.done('DELETE', `${DEFINITIONS}/widgets.${group}`);
    assert.deepEqual(deleted.metadata['finalizers'], ['customresourcecleanup.apiextensions.k8s.io']);
    await api.until(
      `widgets.${group}`,
      (crd) => crd?.status.conditions?.some(({ reason }) => reason === 'InstanceDeletionInProgress') === true,
    );
    const refused = await api.request('POST', base(group), widget(group, 'late'));
    assert.deepEqual(
      [refused.code, refused.body.message],
      [403, 'widgets.gone.example.com "late" is forbidden: create not allowed while custom resource definition is terminating'],
    );
    await api.done('PATCH', `${base(group, 'widgets', 'other')}/held`, { metadata: { finalizers: null } }, MERGE);
    await api.until(`widgets.${group}`, (crd) => crd === undefined);
    assert.equal((await api.get(base(group))).code, 404);
    assert.equal((await api.get(`/apis/${group}`)).code, 404);
    await api.define(definition({ group }));
    assert.equal((await api.get(`/apis/${group}/v1/widgets`)).body.items.length, 0);
  });
});
