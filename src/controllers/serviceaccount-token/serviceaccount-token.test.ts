import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secrets, serviceaccounts } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { simulate } from '../testing/simulation.ts';
import { startController } from '../testing.ts';
import type { Secret, ServiceAccount } from '#api/types.ts';
import { serviceAccountTokenController } from './controller.ts';
import { planTokenSecret, withoutReference } from './plan.ts';

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

test('an account no longer mentions a token Secret that is gone', async (t) => {
  const running = await startController(serviceAccountTokenController);
  t.after(() => running.stop());
  const { client, until } = running;
  await client.create(serviceaccounts, {
    metadata: { name: 'robot', namespace: 'ns' },
    secrets: [{ name: 'robot-token' }, { name: 'other' }],
  });
  const made = await client.create(secrets, tokenSecret('robot-token', 'robot') as never);
  const ref = { name: made.metadata.name, namespace: 'ns' };
  await until(async () => ((await client.get(secrets, ref)).data?.['token'] === undefined ? undefined : true));
  await client.delete(secrets, ref);
  const left = await until(async () => {
    const account = await client.get(serviceaccounts, { name: 'robot', namespace: 'ns' });
    return account.secrets?.length === 1 ? account.secrets : undefined;
  });
  assert.deepEqual(left, [{ name: 'other' }]);
});

test('accounts mention no Secret that is gone, though another of its name came and went meanwhile', async (t) => {
  const { client, server, quiet, stop, turns } = await simulate([serviceAccountTokenController], 1);
  t.after(stop);
  const [first, second] = ['first', 'second'] as const;
  for (const name of [first, second])
    await client.create(serviceaccounts, { metadata: { name, namespace: 'ns' }, secrets: [{ name: 't' }] });
  await client.create(secrets, tokenSecret('t', first) as never);
  await quiet();
  const answer = server.holdNext({ verb: 'get', resource: 'serviceaccounts', name: first });
  const ref = { name: 't', namespace: 'ns' };
  await client.delete(secrets, ref);
  await turns(20);
  await client.create(secrets, tokenSecret('t', second) as never);
  await client.delete(secrets, ref);
  await turns(20);
  answer();
  await quiet();
  assert.deepEqual(
    server.stored(serviceaccounts).map((one) => one.secrets),
    [[], []],
  );
});

test('accounts mention no Secret that is gone, though one of its name is there again', async (t) => {
  const { client, server, hold, catchUp, quiet, stop } = await simulate([serviceAccountTokenController], 1);
  t.after(stop);
  for (const name of ['first', 'second', 'third'])
    await client.create(serviceaccounts, { metadata: { name, namespace: 'ns' }, secrets: [{ name: 't' }] });
  await client.create(secrets, tokenSecret('t', 'first') as never);
  await quiet();
  hold('secrets');
  await client.delete(secrets, { name: 't', namespace: 'ns' });
  await client.create(secrets, tokenSecret('t', 'second') as never);
  await client.delete(secrets, { name: 't', namespace: 'ns' });
  await client.create(secrets, tokenSecret('t', 'third') as never);
  catchUp();
  await quiet();
  assert.deepEqual(
    server.stored(serviceaccounts).map((one) => one.secrets),
    [[], [], [{ name: 't' }]],
  );
});

const base64 = (value: string): string => Buffer.from(value).toString('base64');
const account = {
  metadata: { name: 'default', namespace: 'ns', uid: '1' },
  secrets: [{ name: 't' }, { name: 'u' }],
} as unknown as ServiceAccount;
const whole = { 'ca.crt': base64('CA'), namespace: base64('ns'), token: base64('T') };
const secretWith = (
  data: Record<string, string> | undefined,
  uid: string | undefined = '1',
  type = 'kubernetes.io/service-account-token',
) =>
  ({
    metadata: {
      name: 't',
      namespace: 'ns',
      annotations: {
        'kubernetes.io/service-account.name': 'default',
        ...(uid === undefined ? {} : { 'kubernetes.io/service-account.uid': uid }),
      },
    },
    type,
    data,
  }) as unknown as Secret;

// Source: tokens_controller_test.go TestTokenCreation.
for (const { name, secret, lost = false, becomes } of [
  { name: 'nothing in it', secret: secretWith(undefined), becomes: { ...whole, token: base64('new') } },
  { name: 'no uid and nothing in it', secret: secretWith(undefined, ''), becomes: { ...whole, token: base64('new') } },
  { name: 'no certificate', secret: secretWith({ namespace: whole.namespace, token: whole.token }), becomes: whole },
  { name: 'another certificate', secret: secretWith({ ...whole, 'ca.crt': base64('old') }), becomes: whole },
  { name: 'no namespace', secret: secretWith({ 'ca.crt': whole['ca.crt'], token: whole.token }), becomes: whole },
  { name: 'no token', secret: secretWith({ ...whole, token: '' }), becomes: { ...whole, token: base64('new') } },
  { name: 'a namespace of its own', secret: secretWith({ ...whole, namespace: base64('custom') }), becomes: 'keep' },
  { name: 'everything', secret: secretWith(whole), becomes: 'keep' },
  { name: 'another type', secret: secretWith(undefined, '1', 'Opaque'), becomes: 'keep' },
  { name: 'no account', secret: secretWith(whole), lost: true, becomes: 'delete' },
  { name: 'an account made anew', secret: secretWith(whole, '2'), becomes: 'delete' },
])
  test(`a token Secret with ${name}: ${typeof becomes === 'string' ? becomes : 'filled'}`, () => {
    const plan = planTokenSecret({ secret, account: lost ? undefined : account, rootCA: 'CA', token: () => 'new' });
    assert.deepEqual(plan.kind === 'fill' ? plan.secret.data : plan.kind, becomes);
    if (plan.kind === 'fill') assert.equal(plan.secret.metadata.annotations?.['kubernetes.io/service-account.uid'], '1');
  });

for (const { name, gone, left } of [
  { name: 'is dropped', gone: secretWith(whole), left: [{ name: 'u' }] },
  { name: 'is dropped when the Secret had no uid yet', gone: secretWith(whole, ''), left: [{ name: 'u' }] },
  { name: 'stays when the Secret was of an account of that name before', gone: secretWith(whole, '2'), left: undefined },
])
  test(`the mention of a Secret that is gone ${name}`, () => {
    assert.deepEqual(withoutReference(account, gone)?.secrets, left);
  });

test('an account that does not mention the Secret that is gone is left alone', () => {
  assert.equal(withoutReference({ ...account, secrets: [{ name: 'u' }] }, secretWith(whole)), undefined);
});
