import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import { parseAccept } from '#apimachinery/media-type.ts';
import { negotiateOutput, wantsPretty, type OutputAbilities } from './output.ts';

const RESOURCE: OutputAbilities = { encodings: ['json', 'yaml', 'protobuf'], transforms: true, stream: false };
const WATCH: OutputAbilities = { ...RESOURCE, stream: true };
const PLAIN: OutputAbilities = { ...RESOURCE, transforms: false };

for (const [accept, abilities, expected] of [
  ['', RESOURCE, 'json none'],
  ['*/*', RESOURCE, 'json none'],
  ['application/*', RESOURCE, 'json none'],
  ['application/yaml', RESOURCE, 'yaml none'],
  ['application/vnd.kubernetes.protobuf, application/json', RESOURCE, 'protobuf none'],
  ['application/json;q=0.5, application/yaml', RESOURCE, 'yaml none'],
  ['text/html, application/json', RESOURCE, 'json none'],
  [
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
    RESOURCE,
    'json Table',
  ],
  ['application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json', RESOURCE, 'json none'],
  ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', RESOURCE, 'protobuf PartialObjectMetadataList'],
  ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', PLAIN, 'json none'],
  ['application/json;stream=watch', WATCH, 'json none'],
] as const) {
  test(`negotiateOutput answers ${accept === '' ? 'no Accept' : accept} with ${expected}`, () => {
    const { encoding, transform } = negotiateOutput(accept, abilities);
    assert.equal(`${encoding} ${transform}`, expected);
  });
}

for (const [accept, abilities, message] of [
  [
    'text/html',
    RESOURCE,
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  ],
  [
    'application/yaml',
    WATCH,
    'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
  ],
  [
    'application/yaml, application/json', // what is liked best is no stream
    WATCH,
    'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
  ],
  [
    'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
    WATCH, // as its objects cannot be, before it is a stream
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  ],
  [
    'application/json;as=Table;v=v9;g=meta.k8s.io',
    RESOURCE,
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  ],
] as const) {
  test(`negotiateOutput refuses ${accept}`, () => {
    assert.throws(
      () => negotiateOutput(accept, abilities),
      (error) => error instanceof StatusError && error.reason === 'NotAcceptable' && error.message === message,
    );
  });
}

test('parseAccept orders by quality, then by how much is said', () => {
  const order = parseAccept('*/*, application/*, application/json;q=0.9, application/yaml').map(
    ({ type, subtype }) => `${type}/${subtype}`,
  );
  assert.deepEqual(order, ['application/yaml', 'application/*', '*/*', 'application/json']);
});

test('wantsPretty follows the media type, the query and the client, in this order', () => {
  const plain = negotiateOutput('application/json', RESOURCE);
  assert.deepEqual(
    [
      wantsPretty(plain, undefined, 'kubectl'),
      wantsPretty(plain, 'true', 'kubectl'),
      wantsPretty(plain, undefined, 'curl/8'),
      wantsPretty(plain, '0', 'curl/8'),
      wantsPretty(negotiateOutput('application/json;pretty=1', RESOURCE), undefined, ''),
    ],
    [false, true, true, false, true],
  );
});
