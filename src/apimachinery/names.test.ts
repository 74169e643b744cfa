import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  configMapKey,
  decimalInteger,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  inRange,
  labelValue,
  pathSegmentName,
  percent,
  portName,
  portNumber,
  qualifiedName,
  relaxedEnvVarName,
  userOrGroupId,
} from './names.ts';

const checks = {
  configMapKey,
  decimalInteger,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  pathSegmentName,
  percent,
  portName,
  qualifiedName,
  relaxedEnvVarName,
};

const LABEL = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;
const KEY = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;

for (const [check, value, want] of [
  ['dns1123Label', 'web-1', []],
  ['dns1123Label', 'a.b', ['must not contain dots']],
  ['dns1123Label', 'Web', [LABEL]],
  ['dns1123Label', 'a'.repeat(64), ['must be no more than 63 characters']],
  ['dns1123Label', `${'a'.repeat(64)}!`, ['must be no more than 63 characters', LABEL]],
  ['dns1123Subdomain', 'a.b-c.d', []],
  [
    'dns1123Subdomain',
    'a_b',
    [
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  ['dns1035Label', 'a1', []],
  ['qualifiedName', 'example.com/MyName', []],
  ['qualifiedName', '/x', ['prefix part must be non-empty']],
  ['qualifiedName', 'x/', ['name part must be non-empty', `name part ${KEY}`]],
  ['qualifiedName', 'a/b/c', [`a valid label key ${KEY} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]],
  ['qualifiedName', 'a'.repeat(64), ['name part must be no more than 63 bytes']],
  ['labelValue', '', []],
  ['labelValue', 'a'.repeat(64), ['must be no more than 63 bytes']],
  ['portName', 'http', []],
  ['portName', '80', ['must contain at least one letter (a-z)']],
  ['portName', '-a--b', ['must not contain consecutive hyphens', 'must not begin or end with a hyphen']],
  ['relaxedEnvVarName', 'a.b c', []],
  ['relaxedEnvVarName', '', ['environment variable name must be non-empty']],
  ['configMapKey', '..', ["must not be '..'"]],
  ['pathSegmentName', 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  ['pathSegmentName', '..', ["may not be '..'"]],
  ['percent', '50%', []],
  ['decimalInteger', '-0', ['must be a valid decimal integer in canonical form']],
] as const) {
  test(`${check} answers for ${JSON.stringify(value.slice(0, 20))}`, () => assert.deepEqual(checks[check](value), want));
}

test('number ranges name their bounds', () => {
  assert.deepEqual(portNumber(0), ['must be between 1 and 65535, inclusive']);
  assert.deepEqual(userOrGroupId(-1), ['must be between 0 and 2147483647, inclusive']);
  assert.deepEqual(inRange(5, 1, 10), []);
});
