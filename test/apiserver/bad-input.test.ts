// Bad input in every encoding, over HTTP/1.1 and HTTP/2: upstream's Status, whole, and nothing written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import { text } from '#apiserver/testing/http.ts';
import { OBJECTS, type RefusedObject } from './bad-input/objects.ts';
import { assertStatus, PROTOCOLS, startBadInputServer, type BadInputServer, type ExpectedStatus } from './bad-input/server.ts';

let target: BadInputServer;
let untouched: string;
before(async () => {
  target = await startBadInputServer();
  untouched = await target.state();
});
after(() => target.stop());

/** Only for what was refused: whatever it would have written is not there. */
const assertUntouched = async (): Promise<void> => assert.equal(await target.state(), untouched);

interface RecordedRequest {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly accept?: string;
  readonly body?: string;
  readonly hex?: string;
  readonly warning?: string;
  readonly status: ExpectedStatus;
}

const recorded = (file: string): readonly RecordedRequest[] =>
  readFileSync(new URL(`bad-input/${file}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedRequest);

for (const protocol of PROTOCOLS) {
  for (const file of ['bodies', 'queries', 'patches', 'paths']) {
    describe(`${file} over ${protocol}`, () => {
      for (const { name, method, path, type, accept, body, hex, warning, status } of recorded(file)) {
        test(name, async () => {
          const headers = { ...(type === undefined ? {} : { 'content-type': type }), ...(accept === undefined ? {} : { accept }) };
          const sent = hex === undefined ? body : Buffer.from(hex, 'hex');
          const answer = await target.send(protocol, path, { method, headers, ...(sent === undefined ? {} : { body: sent }) });
          assertStatus(answer, status);
          assert.equal(answer.headers['warning'], warning);
          const retry = (status.details as { readonly retryAfterSeconds?: number } | undefined)?.retryAfterSeconds;
          assert.equal(answer.headers['retry-after'], retry === undefined ? undefined : String(retry));
          await assertUntouched();
        });
      }
    });
  }
}

interface Metadata {
  readonly uid: string;
  readonly resourceVersion: string;
}

const protobuf = kubeProtobuf(new Schema());
const ENCODINGS: Readonly<Record<string, (object: RefusedObject['object']) => string | Uint8Array>> = {
  'application/json': (object) => JSON.stringify(object),
  'application/yaml': (object) => toYaml(object),
  'application/vnd.kubernetes.protobuf': (object) => protobuf.encode(object),
};

for (const protocol of PROTOCOLS) {
  for (const [type, encode] of Object.entries(ENCODINGS)) {
    describe(`objects as ${type} over ${protocol}`, () => {
      for (const { name, method = 'POST', path, object, ...status } of OBJECTS) {
        test(name, async () => {
          assertStatus(await target.send(protocol, path, { method, headers: { 'content-type': type }, body: encode(object) }), status);
          await assertUntouched();
        });
      }
    });
  }
}

for (const protocol of PROTOCOLS) {
  for (const [type, encode] of Object.entries(ENCODINGS)) {
    describe(`preconditions of a delete as ${type} over ${protocol}`, () => {
      const path = '/api/v1/namespaces/default/configmaps/here';
      const refused = async (preconditions: object, why: (metadata: Metadata) => string): Promise<void> => {
        const { metadata } = JSON.parse(text(await target.send(protocol, path, {}))) as { metadata: Metadata };
        const options = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions };
        const answer = await target.send(protocol, path, { method: 'DELETE', headers: { 'content-type': type }, body: encode(options) });
        assertStatus(answer, {
          code: 409,
          reason: 'Conflict',
          message: `Operation cannot be fulfilled on ConfigMap "here": ${why(metadata)}`,
          details: { name: 'here', kind: 'ConfigMap' },
        });
        await assertUntouched();
      };
      const otherUid = (metadata: Metadata, uid: string): string =>
        `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;

      test('another uid', () => refused({ uid: 'another' }, (metadata) => otherUid(metadata, 'another')));
      test('an empty uid', () => refused({ uid: '' }, (metadata) => otherUid(metadata, '')));
      test('another resourceVersion', () =>
        refused(
          { resourceVersion: '1' },
          ({ resourceVersion }) =>
            `the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
        ));
      test('both: the uid is looked at first', () =>
        refused({ uid: 'another', resourceVersion: '1' }, (metadata) => otherUid(metadata, 'another')));
    });
  }
}

describe('what is too large', () => {
  const large = (name: string, size: number): RefusedObject['object'] => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: Array.from({ length: 16 }, (_, i) => ({ name: `c${i}`, image: 'i', args: ['x'.repeat(size / 16)] })) },
  });
  for (const protocol of PROTOCOLS) {
    for (const [type, encode] of Object.entries(ENCODINGS)) {
      test(`a body of 4 MiB as ${type} over ${protocol}`, async () => {
        const call = { method: 'POST', headers: { 'content-type': type }, body: encode(large('body', 4 << 20)) };
        assertStatus(await target.send(protocol, '/api/v1/namespaces/default/pods', call), {
          code: 413,
          reason: 'RequestEntityTooLarge',
          message: 'Request entity too large: limit is 3145728',
        });
        await assertUntouched();
      });

      test(`an object of 1.6 MB as ${type} over ${protocol}`, async () => {
        const call = { method: 'POST', headers: { 'content-type': type }, body: encode(large('object', 1_600_000)) };
        assertStatus(await target.send(protocol, '/api/v1/namespaces/default/pods', call), {
          code: 500,
          message: 'etcdserver: request is too large',
        });
        await assertUntouched();
      });
    }
  }
});

describe('who may not', () => {
  const FORBIDDEN =
    'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"';
  for (const protocol of PROTOCOLS) {
    test(`without credentials over ${protocol}`, async () => {
      const answer = await target.send(protocol, '/api/v1/namespaces/default/configmaps', { as: 'nobody' });
      assertStatus(answer, { code: 403, reason: 'Forbidden', message: FORBIDDEN, details: { kind: 'configmaps' } });
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      const path = await target.send(protocol, '/a<b>&c', { as: 'nobody' });
      const message = 'forbidden: User "system:anonymous" cannot get path "/a&lt;b&gt;&amp;c"';
      assertStatus(path, { code: 403, reason: 'Forbidden', message, details: {} });
    });

    test(`with credentials that are none over ${protocol}`, async () => {
      const headers = { authorization: 'Bearer wrong' };
      const answer = await target.send(protocol, '/api/v1/namespaces/default/configmaps', { as: 'nobody', headers });
      assertStatus(answer, { code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
    });

    test(`as somebody else over ${protocol}`, async () => {
      const maps = '/api/v1/namespaces/default/configmaps';
      assertStatus(await target.send(protocol, maps, { as: 'nobody', headers: { 'impersonate-user': 'bob' } }), {
        code: 403,
        reason: 'Forbidden',
        message:
          'configmaps is forbidden: User "system:anonymous" cannot impersonate-on:user-info:list resource "configmaps" in API group "" ' +
          'in the namespace "default"',
        details: { kind: 'configmaps' },
      });
      const nobody = await target.send(protocol, maps, { headers: { 'impersonate-group': 'crew' } });
      assertStatus(nobody, {
        code: 400,
        reason: 'BadRequest',
        message:
          'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"crew"}, Extra:map[string][]string(nil)} without impersonating ' +
          'a user name',
      });
      assert.equal(nobody.headers['x-content-type-options'], 'nosniff');
    });
  }
});

test('what is refused in a Status is refused in the encoding that is asked for', async () => {
  const path = '/api/v1/namespaces/default/configmaps/none';
  const status = { kind: 'Status', apiVersion: 'v1', reason: 'NotFound', code: 404 };
  const yaml = await target.send('HTTP/2', path, { headers: { accept: 'application/yaml' } });
  assert.match(text(yaml), /^apiVersion: v1\ncode: 404\n/);
  const answer = await target.send('HTTP/2', path, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
  const decoded = protobuf.decode(answer.body, 'Status', { group: '', version: 'v1' });
  assert.deepEqual({ ...decoded, ...status }, decoded);
});
