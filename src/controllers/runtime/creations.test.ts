import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbidden, isStatusError } from '#apimachinery/errors.ts';
import { pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { type Ids, seededIds } from '#base/ids.ts';
import { fakeClient } from '#client/testing.ts';
import { createOnce } from './create-once.ts';
import { Expectations } from './expectations.ts';
import { Creations } from './creations.ts';

const KEY = 'ns/web';
const CREATION = { verb: 'create', resource: 'pods' } as const;
const draft = (uid: string, generateName = 'web-'): New<Pod> => ({
  metadata: {
    generateName,
    namespace: 'ns',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true }],
  },
  spec: { containers: [] },
});

/** An owner, a server, and an informer that shows what `show` says. */
function world(ids: Ids = seededIds(1)) {
  const clock = new ManualClock(0);
  const { client, server } = fakeClient({ clock });
  const expectations = new Expectations(clock);
  const shown = new Map<string, Pod>();
  const creations = new Creations<Pod>({ shown: { get: (name) => shown.get(name) }, ids, expectations });
  return {
    server,
    clock,
    creations,
    /** One pass that wants these. */
    async pass(...drafts: readonly New<Pod>[]) {
      const pass = creations.begin(KEY);
      if (!pass.settled) return 'waits';
      const create = (pod: New<Pod>): Promise<Pod> => createOnce(client, pods, pod);
      const { succeeded, failure } = await creations.run({ key: KEY, pass, drafts, known: [...shown.values()], create });
      return failure === undefined ? succeeded : isStatusError(failure) ? failure.reason : failure.name;
    },
    show() {
      for (const pod of server.stored(pods)) {
        shown.set(pod.metadata.name, pod);
        creations.observed(KEY, pod.metadata.name);
      }
    },
    names: () => server.stored(pods).map(({ metadata }) => metadata.name),
  };
}

test('Creations tries again by the same name when an answer was lost', async () => {
  const { server, pass, names, show } = world();
  server.loseNext(CREATION);
  assert.equal(await pass(draft('u')), 'ConnectionError');
  const [name] = names();
  assert.match(name ?? '', /^web-[a-z0-9]{5}$/);
  assert.equal(await pass(draft('u')), 1);
  assert.deepEqual(names(), [name]);
  assert.equal(await pass(draft('u')), 'waits');
  show();
  assert.equal(await pass(draft('u')), 1);
  assert.equal(names().length, 2);
});

test('Creations does not take a refusal for an answer to what was asked before', async () => {
  const { server, pass, names } = world();
  server.loseNext(CREATION);
  await pass(draft('u'));
  server.failNext(CREATION, forbidden(pods, '', 'exceeded quota'));
  assert.equal(await pass(draft('u')), 'Forbidden');
  assert.equal(await pass(draft('u')), 1);
  assert.equal(names().length, 1);
});

test('Creations makes no other pod for one that nobody was told of for as long as anybody waits', async () => {
  const { clock, pass, names } = world();
  assert.equal(await pass(draft('u'), draft('u')), 2);
  clock.advance(6 * 60_000);
  assert.equal(await pass(draft('u'), draft('u')), 2);
  assert.equal(names().length, 2);
});

test('Creations keeps names to what they were made of', async () => {
  const { server, pass, names } = world();
  server.loseNext(CREATION);
  await pass(draft('u', 'web-1-'));
  assert.equal(await pass(draft('u', 'web-2-'), draft('u', 'web-1-')), 2);
  assert.deepEqual(
    names().map((name) => name.slice(0, 6)),
    ['web-1-', 'web-2-'],
  );
});

test('Creations leaves a name to the pod of somebody else', async () => {
  const suffixes = ['aaaaa', 'aaaaa', 'bbbbb'];
  const { pass, names, creations } = world({ ...seededIds(1), suffix: () => suffixes.shift() ?? '' });
  assert.equal(await pass(draft('other')), 1);
  creations.forget(KEY);
  assert.equal(await pass(draft('u')), 'AlreadyExists');
  assert.equal(await pass(draft('u')), 1);
  assert.deepEqual(names(), ['web-aaaaa', 'web-bbbbb']);
});
