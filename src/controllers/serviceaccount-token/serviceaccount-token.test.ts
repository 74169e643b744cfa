import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secrets, serviceaccounts } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { startController } from '../testing.ts';
import { serviceAccountTokenController } from './controller.ts';

const text = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();
const tokenSecret = (name: string, account: string): object => ({
  metadata: { name, namespace: 'ns', annotations: { 'kubernetes.io/service-account.name': account } },
  type: 'kubernetes.io/service-account-token',
});

test('a token Secret is filled, repaired, and deleted with its account', async (t) => {
  const running = await startController(serviceAccountTokenController);
  t.after(() => running.stop());
  const { client, until } = running;
  const account = await client.create(serviceaccounts, { metadata: { name: 'robot', namespace: 'ns' } });
  await client.create(secrets, tokenSecret('robot-token', 'robot') as never);
  await client.create(secrets, { metadata: { name: 'other', namespace: 'ns' }, data: { a: 'Yg==' } });
  const ref = { name: 'robot-token', namespace: 'ns' };
  const filled = await until(async () => {
    const secret = await client.get(secrets, ref);
    return secret.data?.['token'] === undefined ? undefined : secret;
  });
  assert.equal(text(filled.data?.['token']), 'token of robot in robot-token');
  assert.equal(text(filled.data?.['namespace']), 'ns');
  assert.equal(text(filled.data?.['ca.crt']), 'CERTIFICATE');
  assert.equal(filled.metadata.annotations?.['kubernetes.io/service-account.uid'], account.metadata.uid);

  await client.update(secrets, { ...filled, data: { ...filled.data, namespace: '' } });
  await until(async () => (text((await client.get(secrets, ref)).data?.['namespace']) === 'ns' ? true : undefined));

  await client.delete(serviceaccounts, { name: 'robot', namespace: 'ns' });
  await until(async () => {
    try {
      await client.get(secrets, ref);
      return undefined;
    } catch (error) {
      return isStatusError(error, 'NotFound') ? true : undefined;
    }
  });
  assert.equal((await client.list(secrets, { namespace: 'ns' })).items.length, 1, 'others stay');
});

test('a Secret that names no account there is goes', async (t) => {
  const running = await startController(serviceAccountTokenController);
  t.after(() => running.stop());
  await running.client.create(secrets, tokenSecret('lost', 'nobody') as never);
  await running.until(async () => ((await running.client.list(secrets, { namespace: 'ns' })).items.length === 0 ? true : undefined));
});
