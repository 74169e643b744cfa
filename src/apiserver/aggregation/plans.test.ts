import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { APIService, EndpointSlice, Service } from '#api/types.ts';
import { Schema } from '#api/schema.ts';
import { publishedData } from './authentication-config.ts';
import { objection } from './availability-plan.ts';
import { builtInPriority, ordered } from './priorities.ts';
import { planRegistration, wantedServices, type Wanted } from './registration-plan.ts';
import { DocumentError, readGroups, readResources } from './remote-documents.ts';
import { userHeaders } from './user-headers.ts';

describe('priorities', () => {
  test('order this server as it orders itself', () => {
    const groups = new Schema().groups();
    const placed = groups.flatMap(({ name: of, versions }) =>
      versions.map((name) => ({ of, name, ...(builtInPriority(of, name) ?? { group: 17_999, version: 1 }) })),
    );
    assert.deepEqual(ordered(placed), groups);
  });

  test('order versions by priority, then by age', () => {
    const version = (name: string, priority: number) => ({ of: 'a', name, group: 1, version: priority });
    assert.deepEqual(ordered([version('v1beta1', 5), version('v2', 5), version('v1', 9)])[0]?.versions, ['v1', 'v2', 'v1beta1']);
  });
});

const crd = {
  spec: {
    group: 'example.com',
    versions: [
      { name: 'v1', served: true },
      { name: 'v0', served: false },
    ],
  },
} as never;
const desired = wantedServices([{ name: 'apps', versions: ['v1'] }], [crd]);

test('wantedServices names built-in and custom versions that are served', () =>
  assert.deepEqual(
    [...desired].map(([name, { metadata, spec }]) => [
      name,
      Object.values(metadata.labels)[0],
      spec.groupPriorityMinimum,
      spec.versionPriority,
    ]),
    [
      ['v1.example.com', 'true', 1_000, 100],
      ['v1.apps', 'onstart', 17_800, 15],
    ],
  ));

describe('planRegistration', () => {
  const apps = desired.get('v1.apps') as Wanted;
  const custom = desired.get('v1.example.com') as Wanted;
  const as = (wanted: Wanted, over: object = {}): APIService => ({ ...wanted, spec: { ...wanted.spec, ...over } }) as unknown as APIService;
  const unmanaged = { ...as(apps, { versionPriority: 3 }), metadata: { name: 'v1.apps' } } as never;
  for (const [name, given, kind] of [
    ['creates what is missing', { desired: apps, current: undefined }, 'create'],
    ['leaves what is right', { desired: apps, current: as(apps) }, 'leave'],
    [
      'repairs a built-in one that was there at the start',
      { desired: apps, current: as(apps, { versionPriority: 3 }), presentAtStart: true },
      'update',
    ],
    ['leaves it to its administrator afterwards', { desired: apps, current: as(apps, { versionPriority: 3 }), settled: true }, 'leave'],
    ['does not bring a built-in one back', { desired: apps, current: undefined, settled: true }, 'leave'],
    ['leaves what it does not manage', { desired: apps, current: unmanaged, presentAtStart: true }, 'leave'],
    ['always repairs that of a definition', { desired: custom, current: as(custom, { versionPriority: 3 }), settled: true }, 'update'],
    ['brings that of a definition back', { desired: custom, current: undefined, settled: true }, 'create'],
    ['deletes that of a definition that went', { desired: undefined, current: as(custom), settled: true }, 'delete'],
    ['leaves a built-in one of another server', { desired: undefined, current: as(apps), presentAtStart: false }, 'leave'],
    ['deletes a built-in one of an older release', { desired: undefined, current: as(apps), presentAtStart: true }, 'delete'],
  ] as const) {
    test(name, () => assert.equal(planRegistration({ settled: false, presentAtStart: false, ...given }).kind, kind));
  }
});

describe('objection', () => {
  const backend = { namespace: 'ns', name: 'api', port: 443 };
  const service = (spec: object): Service => ({ spec: { type: 'ClusterIP', ports: [{ name: 'https', port: 443 }], ...spec } }) as never;
  const slice = (ready: boolean, name = 'https'): EndpointSlice =>
    ({ ports: [{ name, port: 1 }], endpoints: [{ conditions: { ready } }] }) as never;
  for (const [reason, message, of, slices] of [
    ['ServiceNotFound', 'service/api in "ns" is not present', undefined, []],
    ['ServicePortError', 'service/api in "ns" is not listening on port 443', service({ ports: [] }), []],
    ['EndpointsNotFound', 'cannot find endpointslices for service/api in "ns"', service({}), []],
    [
      'MissingEndpoints',
      'endpointslices for service/api in "ns" have no addresses with port name "https"',
      service({}),
      [slice(false), slice(true, 'x')],
    ],
    [undefined, undefined, service({}), [slice(false), slice(true)]],
    [undefined, undefined, service({ type: 'ExternalName' }), []],
  ] as const) {
    test(reason ?? 'has nothing against it', () => {
      const found = objection(backend, of, slices);
      assert.deepEqual([found?.reason, found?.message], [reason, message]);
    });
  }
});

test('userHeaders escape what header names cannot have', () =>
  assert.deepEqual(userHeaders({ name: 'jane', uid: 'u', groups: ['a', 'b'], extra: { 'example.com/Scopes%': ['x', 'y'] } }), {
    'X-Remote-User': 'jane',
    'X-Remote-Uid': 'u',
    'X-Remote-Group': ['a', 'b'],
    'X-Remote-Extra-example.com%2FScopes%25': ['x', 'y'],
  }));

test('publishedData keeps authorities of other servers and replaces nonsense', () => {
  const certificate = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
  const trust = { clientCa: certificate('own'), frontProxy: { ca: certificate('proxy'), allowedNames: ['front-proxy-client'] } };
  const data = publishedData(trust, {
    'client-ca-file': certificate('other'),
    'requestheader-allowed-names': '["x"]',
    'requestheader-group-headers': '{',
  });
  assert.deepEqual(data, {
    'client-ca-file': `${certificate('own')}\n${certificate('other')}\n`,
    'requestheader-allowed-names': '["front-proxy-client","x"]',
    'requestheader-client-ca-file': `${certificate('proxy')}\n`,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  });
  assert.deepEqual(publishedData(trust, data), data);
});

describe('documents of other servers', () => {
  const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  test('in the old form become the new one', () =>
    assert.deepEqual(
      readResources(
        bytes({
          groupVersion: 'g/v1',
          resources: [
            { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get'], shortNames: ['t'] },
            {
              name: 'things/scale',
              singularName: '',
              namespaced: true,
              kind: 'Scale',
              group: 'autoscaling',
              version: 'v1',
              verbs: ['get'],
            },
          ],
        }),
        'v1',
      ),
      {
        version: 'v1',
        resources: [
          {
            resource: 'things',
            responseKind: { group: 'g', version: 'v1', kind: 'Thing' },
            scope: 'Namespaced',
            singularResource: 'thing',
            verbs: ['get'],
            shortNames: ['t'],
            subresources: [{ subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get'] }],
          },
        ],
      },
    ));

  test('that are none are refused', () => {
    for (const body of ['<html>', '[]', '{"items":7}', '{"items":[{"versions":"v1"}]}'])
      assert.throws(() => readGroups(Buffer.from(body)), DocumentError);
  });
});
