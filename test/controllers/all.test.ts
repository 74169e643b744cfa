import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, pods } from '#api/resources.ts';
import type { Deployment, New } from '#api/types.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { startControllerTest } from '../harness/controllers.ts';
import { podsLabelled } from './pods.ts';

test('all controllers run beside each other, each with the rights it needs', async () => {
  const t = await startControllerTest({ controllers: CONTROLLERS });
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template };
  await t.client.create(deployments, { metadata: { name: 'web', namespace: 'ns' }, spec } as New<Deployment>);
  await t.until(async () => ((await podsLabelled(t, 'web')).length === 2 ? true : undefined));
  await t.client.delete(deployments, { name: 'web', namespace: 'ns' });
  await t.until(async () => ((await t.client.list(pods, { namespace: 'ns' })).items.length === 0 ? true : undefined));
  await t.stop();
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
