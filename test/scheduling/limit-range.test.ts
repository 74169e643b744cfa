// LimitRange as conformance walks it. Source: test/e2e/scheduling/limit_range.go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limitranges, namespaces, pods } from '#api/resources.ts';
import type { LimitRange, New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({ controllers: [] });
});
after(() => t.stop());

const amounts = (cpu: string, memory: string, storage: string) => ({
  ...(cpu === '' ? {} : { cpu }),
  ...(memory === '' ? {} : { memory }),
  ...(storage === '' ? {} : { 'ephemeral-storage': storage }),
});
const LIMITS = {
  type: 'Container',
  min: amounts('50m', '100Mi', '100Gi'),
  max: amounts('500m', '500Mi', '500Gi'),
  default: amounts('500m', '500Mi', '500Gi'),
  defaultRequest: amounts('100m', '200Mi', '200Gi'),
} as const;
const range = (name: string, namespace: string, labels: Readonly<Record<string, string>>): Promise<LimitRange> =>
  t.client.create(limitranges, {
    metadata: { name, namespace, labels },
    spec: { limits: [{ ...LIMITS, maxLimitRequestRatio: {} }] },
  } as unknown as New<LimitRange>);
const pod = (name: string, requests: object, limits: object): Promise<Pod> =>
  t.client.create(pods, {
    metadata: { name, namespace: 'ns' },
    spec: { containers: [{ name: 'pause', image: 'pause:1', resources: { requests, limits } }] },
  } as New<Pod>);
const resourcesOf = async (name: string) => (await t.client.get(pods, { name, namespace: 'ns' })).spec.containers[0]?.resources;
const isForbidden = (error: unknown): boolean => isStatusError(error, 'Forbidden');

test('should create a LimitRange with defaults and ensure pod has those defaults applied', async () => {
  const ref = { name: 'limit-range', namespace: 'ns' };
  await range('limit-range', 'ns', { time: 'now' });
  const [limits] = (await t.client.get(limitranges, ref)).spec.limits ?? [];
  assert.deepEqual([limits?.default, limits?.defaultRequest], [LIMITS.default, LIMITS.defaultRequest]);

  await pod('pod-no-resources', {}, {});
  assert.deepEqual(await resourcesOf('pod-no-resources'), { limits: LIMITS.default, requests: LIMITS.defaultRequest });
  // A limit of its own is the request, too, where there is no request.
  await pod('pod-partial-resources', amounts('', '150Mi', '150Gi'), amounts('300m', '', ''));
  assert.deepEqual(await resourcesOf('pod-partial-resources'), {
    limits: amounts('300m', '500Mi', '500Gi'),
    requests: amounts('300m', '150Mi', '150Gi'),
  });

  const small = amounts('10m', '50Mi', '50Gi');
  const large = amounts('600m', '600Mi', '600Gi');
  await assert.rejects(pod('pfpod', small, {}), isForbidden);
  // Beyond the limit it was given: no pod can be like that.
  await assert.rejects(pod('pfpod', large, {}), (error) => isStatusError(error, 'Invalid'));
  await assert.rejects(pod('pfpod', {}, large), isForbidden);
  const min = amounts('9m', '49Mi', '49Gi');
  const present = await t.client.get(limitranges, ref);
  await t.client.update(limitranges, { ...present, spec: { limits: [{ ...(present.spec.limits?.[0] as typeof LIMITS), min }] } });
  assert.deepEqual((await t.client.get(limitranges, ref)).spec.limits?.[0]?.min, min);
  await t.until(async () => {
    try {
      return await pod('pfpod', small, {});
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  });
  await assert.rejects(pod('pfpod-large', {}, large), isForbidden);

  await t.client.delete(limitranges, ref, { gracePeriodSeconds: 30 });
  assert.deepEqual((await t.client.list(limitranges, { namespace: 'ns' })).items, []);
  await t.until(async () => {
    try {
      return await pod('pfpod2', large, {});
    } catch (error) {
      if (isForbidden(error)) return undefined;
      throw error;
    }
  });
});

test('should list, patch and delete a LimitRange by collection, and leave that of another namespace', async () => {
  await t.client.create(namespaces, { metadata: { name: 'other' } });
  const labels = { 'e2e-test': 'two', two: 'created' };
  const { metadata } = await range('two', 'ns', labels);
  await range('two', 'other', labels);
  const list = async (labelSelector: string) =>
    (await t.client.list(limitranges, { labelSelector })).items.map(({ metadata: { namespace } }) => namespace);
  assert.deepEqual((await list('e2e-test=two')).toSorted(), ['ns', 'other']);
  const min = amounts('9m', '49Mi', '49Gi');
  const patched = await t.client.patch(limitranges, metadata, {
    type: 'strategic',
    body: {
      metadata: { creationTimestamp: metadata.creationTimestamp, labels: { two: 'patched' } },
      spec: { limits: [{ ...LIMITS, min }] },
    },
  });
  assert.deepEqual([patched.metadata.labels?.['two'], patched.spec.limits?.map((each) => each.min)], ['patched', [min]]);
  assert.ok(Number(patched.metadata.resourceVersion) > Number(metadata.resourceVersion));
  await t.client.deleteCollection(limitranges, { namespace: 'ns', labelSelector: 'two=patched' });
  assert.deepEqual(await list('two=patched'), []);
  assert.deepEqual(await list('e2e-test=two'), ['other']);
});
