// Claims, classes and slices of devices: what is right passes, and what is wrong is said in upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors, updateErrors } from '../fixture.ts';

/** Five loops, one in the other, over all attributes. */
const COSTLY = ['a', 'b', 'c', 'd', 'e'].reduceRight((inner, name) => `device.attributes.all(${name}, ${inner})`, 'true');

const GROUP = 'resource.k8s.io/v1';
const exactly = (more: object = {}): object => ({ deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...more });
const claim = (more: object = {}): object => ({ spec: { devices: { requests: [{ name: 'r', exactly: exactly() }], ...more } } });
const slice = (more: object = {}): object => ({
  spec: { driver: 'd.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, ...more },
});
const device = (more: object): object => slice({ devices: [{ name: 'd', ...more }] });
const policy = (requestPolicy: object): object =>
  device({ allowMultipleAllocations: true, capacity: { mem: { value: '10', requestPolicy } } });

const CREATE: readonly (readonly [kind: string, members: object, errors: readonly string[]])[] = [
  ['ResourceClaim', claim(), []],
  [
    'ResourceClaim',
    claim({
      requests: [{ name: 'r', firstAvailable: [{ name: 's', ...exactly() }] }],
      config: [{ requests: ['r/s'], opaque: { driver: 'd', parameters: {} } }],
    }),
    [],
  ],
  [
    'ResourceClaim',
    claim({ requests: [{ name: 'r' }] }),
    ['spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required'],
  ],
  [
    'ResourceClaim',
    claim({
      requests: [
        { name: 'r', exactly: exactly({ allocationMode: 'All' }) },
        { name: 'r', exactly: exactly({ deviceClassName: '', tolerations: [{ operator: 'Exists', value: 'v' }] }) },
      ],
    }),
    [
      "spec.devices.requests[0].exactly.count: Invalid value: 1: must not be specified when allocationMode is 'All'",
      'spec.devices.requests[1].exactly.deviceClassName: Required value',
      'spec.devices.requests[1].exactly.tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`',
      'spec.devices.requests[1]: Duplicate value: "r"',
    ],
  ],
  [
    'ResourceClaim',
    claim({ constraints: [{ requests: ['x'], matchAttribute: 'a' }, {}], config: [{ opaque: { driver: '', parameters: [] } }] }),
    [
      'spec.devices.constraints[0].requests[0]: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by \'/\'',
      'spec.devices.constraints[0].matchAttribute: Invalid value: "a": a fully qualified name must be a domain and a name separated by a slash',
      'spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      'spec.devices.config[0].opaque.driver: Required value',
      'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
    ],
  ],
  [
    'ResourceClaimTemplate',
    { spec: { metadata: { name: 'x' }, spec: { devices: { requests: [{ name: 'r', exactly: exactly({ count: 0 - 1 }) }] } } } },
    [
      'spec.metadata.name: Forbidden: cannot be set',
      'spec.spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero',
    ],
  ],
  ['DeviceClass', { spec: { selectors: [{ cel: { expression: 'true' } }], extendedResourceName: 'example.com/gpu' } }, []],
  [
    'DeviceClass',
    { spec: { selectors: [{ cel: { expression: 'cel.bind(dra, device.attributes["dra.example.com"], dra.one && dra.other)' } }] } },
    [],
  ],
  [
    'DeviceClass',
    { spec: { selectors: [{ cel: { expression: 'device.attributes["dra.example.com"].model.matches("^(a|b)[0-9]+$")' } }] } },
    [],
  ],
  [
    'DeviceClass',
    {
      spec: {
        selectors: ['device.capacity["a"].mem.compareTo(quantity("1Gi")) > 0', 'device.driver', 'device.driver == 1', COSTLY].map(
          (expression) => ({ cel: { expression } }),
        ),
      },
    },
    [
      'spec.selectors[1].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
      `spec.selectors[2].cel.expression: Invalid value: "device.driver == 1": compilation failed: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(string, int)'\n | device.driver == 1\n | ..............^`,
      'spec.selectors[3].cel.expression: Forbidden: too complex, exceeds cost limit',
    ],
  ],
  [
    'DeviceClass',
    {
      spec: {
        selectors: [
          'device.attributes["a"].names.join(" ") == "x y"',
          'dyn(true)',
          'device.attributes["a"]',
          'device.attributes["a"].b.exists(i, i)',
          'device.attributes["a"].on',
        ].map((expression) => ({ cel: { expression } })),
      },
    },
    [
      'spec.selectors[1].cel.expression: Invalid value: "dyn(true)": must evaluate to bool or the unknown type, not dyn',
      'spec.selectors[2].cel.expression: Invalid value: "device.attributes[\\"a\\"]": must evaluate to bool or the unknown type, not map(string, google.protobuf.Any)',
      `spec.selectors[3].cel.expression: Invalid value: "device.attributes[\\"a\\"].b.exists(i, i)": compilation failed: ERROR: <input>:1:23: expression of type 'any' cannot be range of a comprehension (must be list, map, or dynamic)\n | device.attributes["a"].b.exists(i, i)\n | ......................^`,
    ],
  ],
  [
    'DeviceClass',
    { spec: { selectors: [{}], config: [{}], extendedResourceName: 'cpu' } },
    [
      'spec.selectors[0].cel: Required value',
      'spec.config[0].opaque: Required value',
      'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
    ],
  ],
  ['ResourceSlice', device({ attributes: { a: { int: 1 }, 'x.y/b': { version: '1.2.3-rc.1' } }, capacity: { mem: { value: '1Gi' } } }), []],
  [
    'ResourceSlice',
    slice({ nodeName: undefined }),
    ['spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'],
  ],
  [
    'ResourceSlice',
    slice({ allNodes: true, pool: { name: '', generation: 0, resourceSliceCount: 0 } }),
    [
      'spec.pool.name: Required value',
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
    ],
  ],
  [
    'ResourceSlice',
    device({ allNodes: true, attributes: { '/a': { string: 's', version: '1' } }, bindingConditions: ['a'] }),
    [
      'spec.devices[0].attributes[/a]: Invalid value: "": the domain must not be empty',
      'spec.devices[0].attributes[/a].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
      'spec.devices[0].attributes[/a]: Invalid value: {"IntValue":null,"BoolValue":null,"StringValue":"s","VersionValue":"1","IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}: exactly one value must be specified',
      'spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      'spec.devices[0].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions',
    ],
  ],
  [
    'ResourceSlice',
    slice({ sharedCounters: [{ name: 'c', counters: {} }], devices: [{ name: 'd' }] }),
    ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed', 'spec.sharedCounters[0].counters: Required value'],
  ],
  // Names with more than one slash are not looked at, and tolerations not counted.
  ['ResourceSlice', device({ attributes: { 'a/b/c': { int: 1 } }, capacity: { 'a/b/c': { value: '1' } } }), []],
  ['ResourceClaim', claim({ requests: [{ name: 'r', exactly: exactly({ tolerations: Array(17).fill({ operator: 'Exists' }) }) }] }), []],
  [
    'ResourceSlice',
    device({ attributes: { [`${'a'.repeat(60)}.${'b'.repeat(60)}/c-`]: { int: 1 } }, capacity: { '1': { value: '1' } } }),
    [
      `spec.devices[0].attributes[${'a'.repeat(47)}...${'b'.repeat(43)}/c-]: Too long: may not be more than 63 bytes`,
      `spec.devices[0].attributes[${'a'.repeat(47)}...${'b'.repeat(43)}/c-]: Invalid value: "c-": a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')`,
      `spec.devices[0].capacity[1]: Invalid value: "1": a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')`,
    ],
  ],
  [
    'ResourceSlice',
    slice({ sharedCounters: [{ name: 'c', counters: { _: { value: '1' } } }] }),
    [
      `spec.sharedCounters[0].counters[_]: Invalid value: "_": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  [
    'ResourceSlice',
    policy({ default: '1', validRange: { min: '2' } }),
    ['spec.devices[0].capacity[mem].requestPolicy.validRange.min: Invalid value: "1": default is less than min: 2'],
  ],
  ['ResourceSlice', policy({ default: '4', validRange: { min: '2', step: '2', max: '8' } }), []],
  [
    'ResourceSlice',
    policy({ default: '3', validRange: { min: '2', step: '2', max: '12' } }),
    [
      'spec.devices[0].capacity[mem].requestPolicy.validRange.max: Invalid value: "12": max is larger than capacity value: 10',
      'spec.devices[0].capacity[mem].requestPolicy.validRange.step: Invalid value: "3": value is not a multiple of a given step (2) from (2)',
    ],
  ],
  [
    'ResourceSlice',
    policy({ default: '3', validValues: ['2', '1'] }),
    [
      'spec.devices[0].capacity[mem].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted in ascending order',
      'spec.devices[0].capacity[mem].requestPolicy.validValues: Invalid value: "3": default value is not valid according to the requestPolicy',
    ],
  ],
];

CREATE.forEach(([kind, members, expected], i) => {
  test(`validateCreate of ${kind} (${i}) finds ${expected.length === 0 ? 'nothing' : expected[0]}`, () => {
    assert.deepEqual(createErrors(`${GROUP}/${kind}`, members), expected);
  });
});

const result = { request: 'r', driver: 'd.example.com', pool: 'p', device: 'd' };
const SHARE = '0b1c2d3e-0000-4000-8000-0123456789ab';
const NORMALIZED = 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
const given = (status: object, more: object = {}): object => ({ ...claim(), status, ...more });

test('validateUpdate never changes what a claim asks for', () => {
  const [error, ...more] = updateErrors(`${GROUP}/ResourceClaim`, claim({ requests: [{ name: 's', exactly: exactly() }] }), claim());
  assert.match(error ?? '', /^spec: Invalid value: .*: field is immutable$/);
  assert.deepEqual(more, []);
});

for (const [name, status, old, expected] of [
  [
    'takes an allocation',
    { allocation: { devices: { results: [result] } }, reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] },
    {},
    [],
  ],
  [
    'reserves only what is allocated',
    { reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] },
    {},
    ['status.reservedFor: Forbidden: may not be specified when `allocated` is not set'],
  ],
  [
    'knows the devices of the claim',
    {
      allocation: { devices: { results: [result] } },
      devices: [{ ...result, request: undefined, device: 'e', networkData: { ips: ['10.0.0.1'] } }],
    },
    {},
    [
      'status.devices[0]: Invalid value: {"Driver":"d.example.com","Pool":"p","Device":"e","ShareID":""}: must be an allocated device in the claim',
      'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
    ],
  ],
  [
    'leaves tolerations of results alone',
    { allocation: { devices: { results: [{ ...result, tolerations: [{ operator: 'Other' }] }] } } },
    {},
    [],
  ],
  [
    'has each device of the claim once',
    { allocation: { devices: { results: [result] } }, devices: [result, result].map(({ request: _request, ...device }) => device) },
    {},
    ['status.devices[1]: Duplicate value: {"Driver":"d.example.com","Pool":"p","Device":"d","ShareID":""}'],
  ],
  ...[
    [SHARE, undefined],
    [SHARE.toUpperCase(), NORMALIZED],
    [`urn:uuid:${SHARE}`, NORMALIZED],
    [`{${SHARE}}`, NORMALIZED],
    [SHARE.replaceAll('-', ''), NORMALIZED],
    [`(${SHARE})`, 'error validating uid: invalid bracketed UUID format'],
    [`uri:uuid:${SHARE}`, 'error validating uid: invalid urn prefix: "uri:uuid:"'],
    [SHARE.replace('-', '0'), 'error validating uid: invalid UUID format'],
    ['x', 'error validating uid: invalid UUID length: 1'],
  ].map(
    ([shareID, detail]) =>
      [
        `takes shares by their normalized UUID, not ${shareID}`,
        { allocation: { devices: { results: [{ ...result, shareID }] } } },
        {},
        detail === undefined ? [] : [`status.allocation.devices.results[0].shareID: Invalid value: "${shareID}": ${detail}`],
      ] as const,
  ),
  [
    'refuses results of other requests and drivers without a name',
    { allocation: { devices: { results: [{ ...result, request: 'x', driver: '' }] } } },
    {},
    [
      'status.allocation.devices.results[0].request: Invalid value: "x": must be the name of a request in the claim or the name of a request and a subrequest separated by \'/\'',
      'status.allocation.devices.results[0].driver: Required value',
    ],
  ],
] as const) {
  test(`validateUpdate of a claim's status ${name}`, () => {
    assert.deepEqual(updateErrors(`${GROUP}/ResourceClaim`, given(status), given(old), 'status'), expected);
  });
}
