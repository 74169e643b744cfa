import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { pod } from '../testing/pods.ts';
import { KubeletPaths } from '../volumes/paths.ts';
import { MappingsError, nextRange, readMappings, userNamespace, writeMappings } from './range-plan.ts';
import { UserNamespaceError, UserNamespaces } from './user-namespaces.ts';

const mapping = (hostId: number, containerId = 0, length = 65_536): object => ({ hostId, containerId, length });
const file = (uidMappings: unknown, gidMappings: unknown = uidMappings): string => JSON.stringify({ uidMappings, gidMappings });

test("nextRange gives the lowest that is free, never the node's own ids", () => {
  assert.deepEqual(nextRange([], 3), { first: 65_536 });
  assert.deepEqual(nextRange([{ first: 65_536 }, { first: 196_608 }], 3), { first: 131_072 });
  assert.equal(nextRange([{ first: 65_536 }, { first: 131_072 }], 2), undefined);
});

test('readMappings reads what writeMappings wrote', () => {
  for (const first of [65_536, 131_072]) assert.deepEqual(readMappings(writeMappings({ first })), { first });
});

for (const [name, text, message] of [
  ['no JSON', '{', /^invalid user namespace mappings file/],
  ['no mapping', file([]), /no more than one mapping allowed/],
  ['two mappings', file([mapping(65_536), mapping(131_072)]), /no more than one mapping allowed/],
  ['groups unlike users', file([mapping(65_536)], [mapping(131_072)]), /GID and UID mapping should be identical/],
  ['root left out', file([mapping(65_536, 1)]), /UID 0 must be mapped/],
  ["the node's root", file([mapping(0)]), /wrong user namespace offset specified 0/],
  ['an uneven start', file([mapping(70_000)]), /wrong user namespace offset specified 70000/],
  ['another length', file([mapping(65_536, 0, 10)]), /wrong user namespace length 10/],
] as const) {
  test(`readMappings refuses ${name}`, () => {
    assert.throws(
      () => readMappings(text),
      (error) => error instanceof MappingsError && message.test(error.message),
    );
  });
}

test('userNamespace is the same for users and groups', () => {
  assert.deepEqual(userNamespace(undefined), { mode: 'NODE' });
  const mappings = [{ hostId: 65_536, containerId: 0, length: 65_536 }];
  assert.deepEqual(userNamespace({ first: 65_536 }), { mode: 'POD', uids: mappings, gids: mappings });
});

function namespaces(t: TestContext, maxPods = 2) {
  const root = temporaryFolder(t);
  const paths = new KubeletPaths(root, join(root, 'logs'), join(root, 'links'));
  mkdirSync(paths.pods());
  return { paths, start: () => new UserNamespaces({ paths, maxPods, supports: (handler) => handler !== 'plain' }) };
}
const own = (name: string): ReturnType<typeof pod> => pod({ name, spec: { hostUsers: false } });

test('UserNamespaces gives each pod ids of its own, at the same time too, until none are left', async (t) => {
  const { start, paths } = namespaces(t);
  const given = start();
  assert.deepEqual(await Promise.all([given.ensure(own('a'), ''), given.ensure(own('b'), ''), given.ensure(own('a'), '')]), [
    { first: 65_536 },
    { first: 131_072 },
    { first: 65_536 },
  ]);
  assert.equal(readFileSync(join(paths.pod('uid-b'), 'userns'), 'utf8'), writeMappings({ first: 131_072 }));
  await assert.rejects(given.ensure(own('c'), ''), /could not find an empty slot to allocate a user namespace/);
  rmSync(paths.pod('uid-a'), { recursive: true });
  given.release('uid-a');
  assert.deepEqual(await given.ensure(own('c'), ''), { first: 65_536 });
});

test('UserNamespaces finds what pods had before a restart', async (t) => {
  const { start } = namespaces(t);
  await start().ensure(own('a'), '');
  const again = start();
  await again.load();
  assert.deepEqual(await again.ensure(own('b'), ''), { first: 131_072 });
  assert.deepEqual(await again.ensure(own('a'), ''), { first: 65_536 });
});

test('UserNamespaces does not start over ids it cannot read', async (t) => {
  const { start, paths } = namespaces(t);
  mkdirSync(paths.pod('uid-a'));
  writeFileSync(join(paths.pod('uid-a'), 'userns'), file([mapping(5)]));
  await assert.rejects(start().load(), MappingsError);
});

test('UserNamespaces refuses what the runtime cannot do', async (t) => {
  const given = namespaces(t).start();
  const message = 'can\'t set `spec.hostUsers: false`, RuntimeClass handler "plain" does not support user namespaces';
  await assert.rejects(given.ensure(own('a'), 'plain'), new UserNamespaceError(message));
  assert.equal(await given.ensure(pod(), 'plain'), undefined);
});
