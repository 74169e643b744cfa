import assert from 'node:assert/strict';
import { test } from 'node:test';
import { everything } from '#apimachinery/labels.ts';
import { ManualClock } from '#base/clock.ts';
import { fakeClient } from '#client/testing.ts';
import type { Profile } from '../framework/profile.ts';
import type { DynamicResourcesDeps } from '../plugins/dynamic-resources/dynamic-resources.ts';
import type { Storage } from '../plugins/volume-binding/storage.ts';
import { ConfigurationError, readConfiguration } from './configuration.ts';
import { expandPoint, mergePluginSet } from './plugin-sets.ts';

const deps = {
  client: fakeClient().client,
  preemption: { budgets: () => [], fraction: () => 0, isPreempting: () => false },
  namespaceLabels: () => undefined,
  groupSelector: () => everything,
  volumes: {
    client: fakeClient().client,
    clock: new ManualClock(),
    storage: {} as Storage,
    onChange: () => () => {},
    node: () => undefined,
  },
  devices: {} as DynamicResourcesDeps,
};

const profilesOf = (object: unknown): readonly Profile[] => readConfiguration(object).profiles(deps);
const names = (list: readonly { readonly name: string }[] | undefined): readonly string[] => (list ?? []).map(({ name }) => name);

test('readConfiguration without any gives upstream’s default profile, order and weights', () => {
  const [profile] = profilesOf(undefined);
  assert.equal(profile?.schedulerName, 'default-scheduler');
  assert.deepEqual(names(profile?.filter), [
    'NodeUnschedulable',
    'NodeName',
    'TaintToleration',
    'NodeAffinity',
    'NodePorts',
    'NodeResourcesFit',
    'VolumeRestrictions',
    'NodeVolumeLimits',
    'VolumeBinding',
    'VolumeZone',
    'PodTopologySpread',
    'InterPodAffinity',
    'DynamicResources',
    'NodeDeclaredFeatures',
  ]);
  assert.deepEqual(
    profile?.score.map(({ plugin, weight }) => `${plugin.name} ${weight}`),
    [
      'TaintToleration 3',
      'NodeAffinity 2',
      'NodeResourcesFit 1',
      'PodTopologySpread 2',
      'InterPodAffinity 2',
      'DynamicResources 1',
      'NodeResourcesBalancedAllocation 1',
      'ImageLocality 1',
    ],
  );
  assert.deepEqual(
    [names(profile?.preEnqueue), names(profile?.postFilter), names(profile?.bind)],
    [['SchedulingGates', 'DynamicResources', 'DefaultPreemption'], ['DynamicResources', 'DefaultPreemption'], ['DefaultBinder']],
  );
});

test('readConfiguration disables and weighs anew at one point and at all', () => {
  const plugins = {
    score: { disabled: [{ name: 'ImageLocality' }], enabled: [{ name: 'NodeAffinity', weight: 7 }] },
    multiPoint: { disabled: [{ name: 'InterPodAffinity' }, { name: 'VolumeBinding' }], enabled: [{ name: 'TaintToleration', weight: 9 }] },
  };
  const [profile] = profilesOf({ profiles: [{ plugins }] });
  assert.deepEqual(
    profile?.score.map(({ plugin, weight }) => `${plugin.name} ${weight}`),
    [
      'NodeAffinity 7',
      'TaintToleration 9',
      'NodeResourcesFit 1',
      'PodTopologySpread 2',
      'DynamicResources 1',
      'NodeResourcesBalancedAllocation 1',
    ],
  );
  assert.ok(!names(profile?.filter).includes('InterPodAffinity'));
});

test('readConfiguration makes several profiles with plugins of their own', () => {
  const args = { scoringStrategy: { type: 'MostAllocated', resources: [{ name: 'cpu', weight: 1 }] } };
  const [spreading, packing] = profilesOf({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    profiles: [{ schedulerName: 'default-scheduler' }, { schedulerName: 'packing', pluginConfig: [{ name: 'NodeResourcesFit', args }] }],
  });
  assert.equal(packing?.schedulerName, 'packing');
  const fit = (profile: Profile | undefined) => profile?.filter.find(({ name }) => name === 'NodeResourcesFit');
  assert.ok(fit(packing) !== undefined && fit(packing) !== fit(spreading));
});

for (const [name, object, text] of [
  [
    'a version it does not know',
    { apiVersion: 'v2' },
    'apiVersion: Unsupported value: "v2": supported values: "kubescheduler.config.k8s.io/v1"',
  ],
  ['an unknown field', { profils: [] }, 'strict decoding error: unknown field "profils"'],
  [
    'unknown fields of arguments, and says nothing more',
    { parallelism: 0, profiles: [{ x: 1, pluginConfig: [{ name: 'NodeAffinity', args: { a: 1, b: 2 } }] }] },
    'strict decoding error: unknown field "profiles[0].x", decoding .profiles[0].pluginConfig[0]: strict decoding error: unknown field "a", unknown field "b"',
  ],
  [
    'a lock that is no lease',
    { leaderElection: { resourceLock: 'endpoints' } },
    'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
  ],
  [
    'a lease shorter than its renewal',
    { leaderElection: { leaseDuration: '5s' } },
    'leaderElection.leaseDuration: Invalid value: "10s": LeaseDuration must be greater than RenewDeadline',
  ],
  ['a burst below nothing', { clientConnection: { burst: -1 } }, 'clientConnection.burst: Invalid value: -1: must be non-negative'],
  [
    'a plugin that is gone',
    { profiles: [{ plugins: { filter: { enabled: [{ name: 'EBSLimits' }] } } }] },
    'profiles[0].plugins.filter.enabled[0]: Invalid value: "EBSLimits": was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1")',
  ],
  [
    'arguments given twice',
    { profiles: [{ pluginConfig: [{ name: 'NodeAffinity' }, { name: 'NodeAffinity' }] }] },
    'profiles[0].pluginConfig[1]: Duplicate value: "NodeAffinity"',
  ],
  [
    'queues that are sorted otherwise',
    {
      profiles: [
        { schedulerName: 'a' },
        { schedulerName: 'b', plugins: { queueSort: { enabled: [{ name: 'PrioritySort' }], disabled: [{ name: '*' }] } } },
      ],
    },
    'profiles[1].plugins.queueSort: Invalid value: {"enabled":[{"name":"PrioritySort"}],"disabled":[{"name":"*"}]}: must be the same for all profiles',
  ],
  ['a back-off of nothing', { podInitialBackoffSeconds: 0 }, 'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0'],
  [
    'a longest back-off below the first',
    { podInitialBackoffSeconds: 20 },
    'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds',
  ],
  ['a share above all', { percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
  [
    'two profiles of one name',
    { profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] },
    'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
  ],
  ['a profile without a name among several', { profiles: [{}, { schedulerName: 'a' }] }, 'profiles[0].schedulerName: Required value'],
  [
    'an unknown plugin',
    { profiles: [{ plugins: { filter: { enabled: [{ name: 'X' }] } } }] },
    'profiles[0].plugins.filter.enabled[0].name: Invalid value: "X": plugin does not exist',
  ],
  ['a type that is wrong', { profiles: 1 }, 'profiles: Invalid value: 1: must be a list'],
  [
    'a weight out of range',
    { profiles: [{ pluginConfig: [{ name: 'InterPodAffinity', args: { hardPodAffinityWeight: 200 } }] }] },
    'profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 200: not in valid range [0, 100]',
  ],
  [
    'a shape that falls back',
    {
      profiles: [
        {
          pluginConfig: [
            {
              name: 'NodeResourcesFit',
              args: {
                scoringStrategy: {
                  type: 'RequestedToCapacityRatio',
                  requestedToCapacityRatio: {
                    shape: [
                      { utilization: 5, score: 1 },
                      { utilization: 5, score: 2 },
                    ],
                  },
                },
              },
            },
          ],
        },
      ],
    },
    'profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 5: values must be sorted in increasing order',
  ],
] as const) {
  test(`readConfiguration refuses ${name}`, () => assert.throws(() => readConfiguration(object), new ConfigurationError(text)));
}

const argument = (name: string, args: object) => ({ profiles: [{ pluginConfig: [{ name, args }] }] });
const ARGS = 'profiles[0].pluginConfig[0].args';
const term = (operator: string, values: readonly string[]) => ({ matchExpressions: [{ key: 'zone', operator, values }] });

for (const [plugin, args, text] of [
  [
    'NodeAffinity',
    { addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term('In', [])] } } },
    `${ARGS}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`,
  ],
  [
    'NodeAffinity',
    { addedAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: term('Is', ['a']) }] } },
    `${ARGS}.addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].matchExpressions[0].operator: Unsupported value: "Is": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"`,
  ],
  [
    'NodeAffinity',
    {
      addedAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a', 'b'] }] }],
        },
      },
    },
    `${ARGS}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values: Invalid value: ["a","b"]: must have one element`,
  ],
  [
    'PodTopologySpread',
    {
      defaultingType: 'List',
      defaultConstraints: [1, 2].map((maxSkew) => ({ maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' })),
    },
    `${ARGS}.defaultConstraints[1]: Duplicate value: "{zone, DoNotSchedule}"`,
  ],
  [
    'NodeResourcesFit',
    { scoringStrategy: { resources: [{ name: 'cpu', weight: 101 }] } },
    `${ARGS}.scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]`,
  ],
  [
    'NodeResourcesBalancedAllocation',
    { resources: [{ name: 'cpu' }, { name: 'cpu', weight: 2 }] },
    `[${ARGS}.resources[1].name: Duplicate value: "cpu", ${ARGS}.resources[1].weight: Invalid value: 2: must be 1]`,
  ],
  [
    'VolumeBinding',
    { shape: [] },
    `${ARGS}.shape: Invalid value: []: unexpected field \`shape\`, remove it or turn on the feature gate StorageCapacityScoring`,
  ],
] as const) {
  test(`readConfiguration refuses arguments: ${text.slice(ARGS.length)}`, () =>
    assert.throws(() => readConfiguration(argument(plugin, args)), new ConfigurationError(text)));
}

test('readConfiguration takes no profiles for the default one', () =>
  assert.deepEqual(
    profilesOf({ profiles: [] }).map(({ schedulerName }) => schedulerName),
    ['default-scheduler'],
  ));

test('mergePluginSet keeps the place of a default plugin that is configured anew', () => {
  const defaults = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  assert.deepEqual(mergePluginSet(defaults, { enabled: [{ name: 'd' }, { name: 'b', weight: 5 }], disabled: ['c'] }), [
    { name: 'a' },
    { name: 'b', weight: 5 },
    { name: 'd' },
  ]);
  assert.deepEqual(mergePluginSet(defaults, { enabled: [{ name: 'b' }], disabled: ['*'] }), [{ name: 'b' }]);
});

test('expandPoint asks those first that the point itself names', () => {
  const multi = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const has = (name: string): boolean => name !== 'c';
  assert.deepEqual(names(expandPoint(multi, { enabled: [{ name: 'x' }, { name: 'b' }], disabled: [] }, has)), ['b', 'a', 'x']);
  assert.deepEqual(names(expandPoint(multi, { enabled: [{ name: 'x' }], disabled: ['*'] }, has)), ['x']);
});
