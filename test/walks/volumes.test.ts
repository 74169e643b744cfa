// What containers see of their volumes: contents, modes, owners, kinds, and changes while they run.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Resource } from '#apimachinery/resource.ts';
import { configmaps, pods as podResource, secrets } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { podSet } from '../harness/pods.ts';

const IMAGE = 'example.test/tools:1';
const tools = { image: IMAGE, imagePullPolicy: 'Never' } as const;
const sh = (script: string) => ({ ...tools, command: ['sh', '-c', script] });

const cluster = await startCluster({ after });
await cluster.importImage({
  name: IMAGE,
  programs: ['sh', 'sleep', 'cat', 'ls', 'stat', 'id', 'grep', 'od', 'chmod', 'touch', 'mkdir', 'echo', 'test', 'mv', 'wc', 'df'],
  files: [{ path: '/existing/file', content: { text: 'of the image\n' } }],
});
const pods = await podSet({ after }, cluster, 'volumes');
const { namespace } = pods;

const CONFIG = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
await Promise.all([
  pods.create(configmaps, { metadata: { name: 'config' }, data: CONFIG, binaryData: { dump: '3q2+7w==' } }),
  // One of the same name elsewhere is nobody's business here.
  pods.create(secrets, { metadata: { name: 'secret', namespace: 'default' }, stringData: { 'data-1': 'of another' } }),
  pods.create(secrets, { metadata: { name: 'secret' }, data: Object.fromEntries(Object.entries(CONFIG).map(([k, v]) => [k, btoa(v)])) }),
]);

const ended = (pod: Pod) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

type Volume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number];
type Spec = New<NonNullable<Pod['spec']>>;
interface Case {
  readonly name: string;
  readonly volume: Omit<New<Volume>, 'name'>;
  readonly script: string;
  readonly spec?: Spec;
  readonly resources?: NonNullable<Spec['containers']>[number];
  readonly prints: string | RegExp;
}

const nonRoot: Spec = { securityContext: { runAsUser: 1000 } };
const grouped: Spec = { securityContext: { runAsUser: 1000, fsGroup: 1001 } };
const facts = (file: string) => `stat -L -c '%a %u:%g' ${file}; cat ${file}`;

/** The same file out of an API object, and out of the projection of it. */
function atomic(
  kind: 'configMap' | 'secret',
  name: string,
  more: {
    readonly defaultMode?: number;
    readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
  },
  rest: Pick<Case, 'script' | 'prints' | 'spec'>,
): Case[] {
  const { defaultMode, ...items } = more;
  const mode = defaultMode === undefined ? {} : { defaultMode };
  const own: Case['volume'] =
    kind === 'configMap' ? { configMap: { name: 'config', ...more } } : { secret: { secretName: 'secret', ...more } };
  const source = kind === 'configMap' ? { configMap: { name: 'config', ...items } } : { secret: { name: 'secret', ...items } };
  return [
    { name: `${kind}-${name}`.toLowerCase(), volume: own, ...rest },
    { name: `projected-${kind}-${name}`.toLowerCase(), volume: { projected: { ...mode, sources: [source] } }, ...rest },
  ];
}

const mapped = [{ key: 'data-2', path: 'path/to/data-2' }];
const mappedWithMode = [{ key: 'data-2', path: 'path/to/data-2', mode: 0o400 }];

const DOWNWARD_RESOURCES = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } };
const amount = (resource: string, divisor: string) => (containerName: string) => ({
  path: 'amount',
  resourceFieldRef: { containerName, resource, divisor },
});
const podName = { path: 'podname', fieldRef: { fieldPath: 'metadata.name' } };

function downward(
  name: string,
  more: { readonly defaultMode?: number; readonly item: object | ((container: string) => object) },
  rest: Pick<Case, 'script' | 'prints' | 'resources'>,
): Case[] {
  const { item, ...mode } = more;
  const itemsOf = (container: string) => ({ items: [typeof item === 'function' ? item(container) : item] });
  const [own, projected] = [`downward-${name}`, `projected-downward-${name}`];
  return [
    { name: own, volume: { downwardAPI: { ...mode, ...itemsOf(own) } }, ...rest },
    { name: projected, volume: { projected: { ...mode, sources: [{ downwardAPI: itemsOf(projected) }] } }, ...rest },
  ];
}

const emptyDirs = (['', 'Memory'] as const).flatMap((medium) => [
  {
    name: `emptydir-mode-${medium || 'default'}`.toLowerCase(),
    volume: { emptyDir: { medium } },
    script: `stat -c %a /v; stat -f -c %T /v`,
    prints: medium === 'Memory' ? /^1777\ntmpfs\n$/ : /^777\n(?!tmpfs)/,
  },
  ...[undefined, nonRoot].flatMap((spec) =>
    ['644', '666', '777'].map((mode): Case => ({
      name: `emptydir-${spec ? 'nonroot' : 'root'}-${mode}-${medium || 'default'}`.toLowerCase(),
      volume: { emptyDir: { medium } },
      script: `echo content > /v/file; chmod ${mode} /v/file; ${facts('/v/file')}`,
      ...(spec && { spec }),
      prints: `${mode} ${spec ? '1000' : '0'}:0\ncontent\n`,
    })),
  ),
]);

const CASES: readonly Case[] = [
  ...(['configMap', 'secret'] as const).flatMap((kind) => [
    ...atomic(kind, 'plain', {}, { script: facts('/v/data-1'), prints: '644 0:0\nvalue-1' }),
    ...atomic(kind, 'default-mode', { defaultMode: 0o400 }, { script: facts('/v/data-1'), prints: '400 0:0\nvalue-1' }),
    ...atomic(kind, 'non-root', {}, { spec: nonRoot, script: facts('/v/data-1'), prints: '644 0:0\nvalue-1' }),
    ...atomic(kind, 'mappings', { items: mapped }, { script: `${facts('/v/path/to/data-2')}; ls /v`, prints: '644 0:0\nvalue-2path\n' }),
    ...atomic(kind, 'item-mode', { items: mappedWithMode }, { script: facts('/v/path/to/data-2'), prints: '400 0:0\nvalue-2' }),
    ...atomic(
      kind,
      'mappings-non-root',
      { items: mapped },
      { spec: nonRoot, script: facts('/v/path/to/data-2'), prints: '644 0:0\nvalue-2' },
    ),
    ...atomic(
      kind,
      'fsgroup',
      { defaultMode: 0o440 },
      { spec: grouped, script: `${facts('/v/data-1')}; id -G`, prints: '440 0:1001\nvalue-10 1001\n' },
    ),
  ]),
  { name: 'configmap-binary', volume: { configMap: { name: 'config' } }, script: 'od -An -tx1 /v/dump', prints: ' de ad be ef\n' },
  ...downward('podname', { item: podName }, { script: facts('/v/podname'), prints: /^644 0:0\nshown-\d$/ }),
  ...downward('default-mode', { defaultMode: 0o400, item: podName }, { script: facts('/v/podname'), prints: /^400 0:0\n/ }),
  ...downward('item-mode', { item: { ...podName, mode: 0o400 } }, { script: facts('/v/podname'), prints: /^400 0:0\n/ }),
  ...[
    { resource: 'limits.cpu', divisor: '1m', prints: '1250' },
    { resource: 'requests.cpu', divisor: '1m', prints: '250' },
    { resource: 'limits.memory', divisor: '1Mi', prints: '64' },
    { resource: 'requests.memory', divisor: '1Mi', prints: '32' },
  ].flatMap(({ resource, divisor, prints }) =>
    downward(
      resource.replace('.', '-'),
      { item: amount(resource, divisor) },
      { script: 'cat /v/amount', prints, resources: { resources: DOWNWARD_RESOURCES } },
    ),
  ),
  ...downward('default-cpu', { item: amount('limits.cpu', '1') }, { script: 'cat /v/amount', prints: /^[1-9]\d*$/ }),
  ...downward('default-memory', { item: amount('limits.memory', '1Mi') }, { script: 'cat /v/amount', prints: /^[1-9]\d+$/ }),
  ...emptyDirs,
  {
    name: 'image',
    volume: { image: { reference: IMAGE, pullPolicy: 'IfNotPresent' } },
    script: 'cat /v/existing/file; touch /v/new 2>/dev/null || echo refused',
    prints: 'of the image\nrefused\n',
  },
  {
    name: 'combined',
    volume: {
      projected: {
        sources: [
          { configMap: { name: 'config', items: [{ key: 'data-1', path: 'config' }] } },
          { secret: { name: 'secret', items: [{ key: 'data-2', path: 'secret' }] } },
          { downwardAPI: { items: [podName] } },
          { serviceAccountToken: { path: 'token' } },
        ],
      },
    },
    script: 'cd /v; cat config secret; test -s podname; test -s token',
    prints: 'value-1value-2',
  },
];

/** One pod for all cases of the same user, so that the file is quick: each case is a container with one volume. */
test('a volume shows its contents with the modes and owners that its pod asks for', async () => {
  const groups = Map.groupBy(CASES, ({ spec }) => JSON.stringify(spec?.securityContext ?? {}));
  const seen = await Promise.all(
    [...groups.values()].map(async (group, i) => {
      await pods.run(`shown-${i}`, {
        restartPolicy: 'Never',
        ...group[0]?.spec,
        containers: group.map(({ name, script, resources }) => ({
          name,
          ...sh(script),
          ...resources,
          volumeMounts: [{ name, mountPath: '/v' }],
        })),
        volumes: group.map(({ name, volume }) => ({ name, ...volume })),
      });
      const pod = await pods.until(`shown-${i}`, ended);
      return Promise.all(group.map(async ({ name, prints }) => [name, await pods.logs(pod.metadata.name ?? '', name), prints] as const));
    }),
  );
  const wrong = seen.flat().filter(([, printed, wanted]) => (typeof wanted === 'string' ? printed !== wanted : !wanted.test(printed)));
  assert.deepEqual(wrong, []);
});

test('volumes follow their ConfigMaps, Secrets and the labels and annotations of their pod', async () => {
  const value = (n: number) => ({ data: n === 1 ? 'value-1' : 'value-2' });
  const make = (name: string, n: number) =>
    Promise.all([
      pods.create(configmaps, { metadata: { name }, data: value(n) }),
      pods.create(secrets, { metadata: { name }, stringData: value(n) }),
    ]);
  await Promise.all([make('changes', 1), make('goes', 1)]);

  const named = ['changes', 'goes', 'comes'] as const;
  const sources = named.flatMap((name) => [
    { volume: `configmap-${name}`, source: { configMap: { name, optional: true } } },
    { volume: `secret-${name}`, source: { secret: { secretName: name, optional: true } } },
    { volume: `projected-configmap-${name}`, source: { projected: { sources: [{ configMap: { name, optional: true } }] } } },
    { volume: `projected-secret-${name}`, source: { projected: { sources: [{ secret: { name, optional: true } }] } } },
  ]);
  const items = ['labels', 'annotations'].map((path) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } }));
  const volumes: New<Volume>[] = [
    ...sources.map(({ volume, source }) => ({ name: volume, ...source })),
    { name: 'downward', downwardAPI: { items } },
    { name: 'projected-downward', projected: { sources: [{ downwardAPI: { items } }] } },
  ];
  const before = sources.map(({ volume }) =>
    volume.endsWith('comes') ? `! test -e /v/${volume}/data` : `grep -q value-1 /v/${volume}/data`,
  );
  const after = sources.map(({ volume }) =>
    volume.endsWith('goes') ? `! test -e /v/${volume}/data` : `grep -q value-2 /v/${volume}/data`,
  );
  const metadata = ['downward', 'projected-downward'].flatMap((volume) =>
    items.map(({ path }) => `grep -q '^key="new"' /v/${volume}/${path}`),
  );
  await pods.run(
    'follower',
    {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          ...sh(
            `set -e; ${before.join('; ')}; touch /tmp/begun; for c in ${[...after, ...metadata].map((check) => JSON.stringify(check)).join(' ')}; do until eval "$c"; do sleep 0.1; done; done`,
          ),
          readinessProbe: { exec: { command: ['cat', '/tmp/begun'] }, periodSeconds: 1 },
          volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` })),
        },
      ],
      volumes,
    },
    { labels: { key: 'old' }, annotations: { key: 'old' } },
  );
  await pods.until('follower', (pod) => pod.status.containerStatuses?.[0]?.ready === true);
  const { client } = pods;
  const merge = { type: 'merge', body: { data: { data: 'value-2' } } } as const;
  await Promise.all([
    make('comes', 2),
    client.delete(configmaps, { namespace, name: 'goes' }),
    client.delete(secrets, { namespace, name: 'goes' }),
    client.patch(configmaps, { namespace, name: 'changes' }, merge),
    client.patch(secrets, { namespace, name: 'changes' }, { type: 'merge', body: { stringData: { data: 'value-2' } } }),
    client.patch(
      podResource,
      { namespace, name: 'follower' },
      {
        type: 'merge',
        body: { metadata: { labels: { key: 'new' }, annotations: { key: 'new' } } },
      },
    ),
  ]);
  await pods.output('follower');
});

test('a path inside a volume is mounted: of files that change as one, by an expression, and never outside', async () => {
  const expression = (value: string) => ({
    ...sh('true'),
    env: [{ name: 'AT', value }],
    volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr: '$(AT)' }],
  });
  const empty = [{ name: 'v', emptyDir: {} }];
  await Promise.all([
    pods.run('subpaths', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          ...sh('cat /configmap /secret /projected /downward /existing/file; touch /inner/written; ls /whole/subpaths'),
          env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [
            { name: 'configmap', mountPath: '/configmap', subPath: 'data-1' },
            { name: 'configmap', mountPath: '/existing/file', subPath: 'data-3' },
            { name: 'secret', mountPath: '/secret', subPath: 'data-2' },
            { name: 'projected', mountPath: '/projected', subPath: 'data-1' },
            { name: 'downward', mountPath: '/downward', subPath: 'down/podname' },
            { name: 'empty', mountPath: '/inner', subPathExpr: '$(NAME)' },
            { name: 'empty', mountPath: '/whole' },
          ],
        },
      ],
      volumes: [
        { name: 'configmap', configMap: { name: 'config' } },
        { name: 'secret', secret: { secretName: 'secret' } },
        { name: 'projected', projected: { sources: [{ configMap: { name: 'config' } }] } },
        { name: 'downward', downwardAPI: { items: [{ ...podName, path: 'down/podname' }] } },
        { name: 'empty', emptyDir: {} },
      ],
    }),
    pods.run('backwards', { containers: [{ name: 'main', ...expression('..') }], volumes: empty }),
    pods.run('absolute', { containers: [{ name: 'main', ...expression('/tmp') }], volumes: empty }),
    pods.run('mended', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          ...sh('ls /whole/mypath'),
          env: [{ name: 'AT', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['at']" } } }],
          volumeMounts: [
            { name: 'v', mountPath: '/v', subPathExpr: '$(AT)/foo' },
            { name: 'v', mountPath: '/whole' },
          ],
        },
      ],
      volumes: empty,
    }),
  ]);
  assert.equal(await pods.output('subpaths'), 'value-1value-2value-1subpathsvalue-3written\n');
  for (const name of ['backwards', 'absolute', 'mended']) {
    await pods.until(name, (pod) => pod.status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError');
  }
  await pods.client.patch(
    podResource,
    { namespace, name: 'mended' },
    { type: 'merge', body: { metadata: { annotations: { at: 'mypath' } } } },
  );
  assert.equal(await pods.output('mended'), 'foo\n');
});

test('fifty volumes of one pod are set up together, and containers share an emptyDir of a bounded size', async () => {
  const names = Array.from({ length: 50 }, (_, i) => `racing-${i}`);
  await Promise.all(names.map((name) => pods.create(configmaps, { metadata: { name }, data: { [name]: name } })));
  await Promise.all([
    pods.run('racing', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          ...sh('cat /v/*/racing-* | grep -o racing | wc -l'),
          volumeMounts: names.map((name) => ({ name, mountPath: `/v/${name}` })),
        },
      ],
      volumes: names.map((name) => ({ name, configMap: { name } })),
    }),
    pods.run('sharing', {
      restartPolicy: 'Never',
      containers: ['writer', 'reader'].map((name) => ({
        name,
        ...sh(
          name === 'writer'
            ? 'echo shared > /v/.new; mv /v/.new /v/file'
            : 'until test -e /v/file; do sleep 0.1; done; cat /v/file; df -k /v | grep -c 8192',
        ),
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      })),
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }],
    }),
  ]);
  assert.equal(await pods.output('racing'), '50\n');
  assert.equal(await pods.output('sharing'), 'shared\n1\n');
});

test('a ConfigMap and a Secret that are immutable stay as they are', async () => {
  await Promise.all([
    pods.create(configmaps, { metadata: { name: 'fixed' }, immutable: true, data: { a: '1' } }),
    pods.create(secrets, { metadata: { name: 'fixed' }, immutable: true, stringData: { a: '1' } }),
  ]);
  for (const resource of [configmaps, secrets] as readonly Resource[]) {
    for (const body of [{ data: { a: 'Mg==' } }, { immutable: false }]) {
      await assert.rejects(
        pods.client.patch(resource, { namespace, name: 'fixed' }, { type: 'merge', body }),
        /field is immutable when `immutable` is set/,
      );
    }
    await pods.client.patch(resource, { namespace, name: 'fixed' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } });
  }
});
