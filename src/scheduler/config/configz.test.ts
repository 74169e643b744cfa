import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configz } from './configz.ts';

const deps = { kubeconfig: '/etc/scheduler.conf', leaderElection: { leaderElect: true, leaseDuration: '15s' } };

interface Told {
  readonly Profiles: readonly {
    readonly SchedulerName: string;
    readonly Plugins: Readonly<Record<string, { readonly Enabled: readonly { readonly Name: string; readonly Weight: number }[] | null }>>;
    readonly PluginConfig: readonly { readonly Name: string; readonly Args: object }[];
  }[];
}

const told = (object: unknown): Told => configz(object, deps) as unknown as Told;

test('configz tells the defaults in the names of the internal type', () => {
  const { Profiles, ...rest } = configz(undefined, deps) as unknown as Told & Record<string, unknown>;
  assert.deepEqual(rest, {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    Parallelism: 16,
    LeaderElection: { LeaderElect: true, LeaseDuration: '15s' },
    ClientConnection: {
      Kubeconfig: '/etc/scheduler.conf',
      AcceptContentTypes: '',
      ContentType: 'application/vnd.kubernetes.protobuf',
      QPS: 50,
      Burst: 100,
    },
    EnableProfiling: true,
    EnableContentionProfiling: true,
    PercentageOfNodesToScore: 0,
    PodInitialBackoffSeconds: 1,
    PodMaxBackoffSeconds: 10,
    Extenders: null,
    DelayCacheUntilActive: false,
  });
  const [profile] = Profiles;
  assert.equal(profile?.SchedulerName, 'default-scheduler');
  assert.deepEqual(profile.Plugins['Filter'], { Enabled: null, Disabled: null });
  assert.deepEqual(profile.Plugins['MultiPoint']?.Enabled?.slice(0, 5).at(-1), { Name: 'TaintToleration', Weight: 3 });
  assert.deepEqual(
    profile.PluginConfig.map(({ Name }) => Name),
    [
      'DefaultPreemption',
      'DynamicResources',
      'InterPodAffinity',
      'NodeAffinity',
      'NodeResourcesBalancedAllocation',
      'NodeResourcesFit',
      'PodTopologySpread',
      'VolumeBinding',
    ],
  );
  assert.deepEqual(profile.PluginConfig.find(({ Name }) => Name === 'VolumeBinding')?.Args, { BindTimeoutSeconds: 600, Shape: null });
});

test('configz tells what is given before what other plugins have by default, and objects of the API in their own names', () => {
  const defaultConstraints = [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }];
  const [profile] = told({
    profiles: [
      {
        plugins: { multiPoint: { disabled: [{ name: 'VolumeBinding' }] } },
        pluginConfig: [
          { name: 'PodTopologySpread', args: { kind: 'PodTopologySpreadArgs', defaultingType: 'List', defaultConstraints } },
          { name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } },
        ],
      },
    ],
  }).Profiles;
  assert.deepEqual(profile?.PluginConfig.slice(0, 2), [
    { Name: 'PodTopologySpread', Args: { DefaultConstraints: defaultConstraints, DefaultingType: 'List' } },
    {
      Name: 'NodeResourcesFit',
      Args: {
        IgnoredResources: null,
        IgnoredResourceGroups: null,
        ScoringStrategy: {
          Type: 'MostAllocated',
          Resources: [
            { Name: 'cpu', Weight: 1 },
            { Name: 'memory', Weight: 1 },
          ],
          RequestedToCapacityRatio: null,
        },
      },
    },
  ]);
  assert.ok(!profile.PluginConfig.some(({ Name }) => Name === 'VolumeBinding'));
});

test('configz never tells a key', () => {
  const extenders = [{ urlPrefix: 'https://a', tlsConfig: { caData: 'Y2E=', keyData: 'c2VjcmV0' } }];
  const { Extenders } = configz({ extenders }, deps);
  assert.deepEqual(Extenders, [{ URLPrefix: 'https://a', TLSConfig: { CAData: 'Y2E=', KeyData: null } }]);
});
