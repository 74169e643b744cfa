import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { serviceaccounts } from '#api/resources.ts';
import { fakeClient } from '#client/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import type { Owner } from '#test/harness/scope.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld } from '../testing/world.ts';
import { TokenManager } from '../volumes/tokens.ts';
import { credentialProviderProblems, readCredentialProviderConfig } from './credential-provider-config.ts';
import { credentialProviders, type CredentialProviders } from './credential-providers.ts';

const API = 'credentialprovider.kubelet.k8s.io/v1';
const provider = (more: object = {}): object => ({
  name: 'fetch',
  matchImages: ['*.example.com'],
  defaultCacheDuration: '10m',
  apiVersion: API,
  ...more,
});
const configOf = (...providers: readonly object[]): object => ({
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers,
});
const answer = (more: object = {}): object => ({
  kind: 'CredentialProviderResponse',
  apiVersion: API,
  cacheKeyType: 'Image',
  auth: { '*.example.com': { username: 'u', password: 'p' } },
  ...more,
});

interface Site {
  readonly folder: string;
  readonly config: string;
  readonly binDir: string;
  readonly clock: ManualClock;
  readonly metrics: KubeletMetrics;
  readonly log: string[];
  readonly fake: ReturnType<typeof fakeClient>;
  /** What the program says from now on; a text is a shell's. */
  says(answer: object | string): void;
  /** What the program was asked so far, and the variables it saw. */
  asked(): readonly Record<string, unknown>[];
  open(): CredentialProviders;
}

function site(owner: Owner, config: object = configOf(provider())): Site {
  const folder = temporaryFolder(owner);
  const binDir = join(folder, 'bin');
  const file = join(folder, 'config.yaml');
  const requests = join(folder, 'requests');
  mkdirSync(binDir);
  writeFileSync(file, JSON.stringify(config));
  const clock = new ManualClock();
  const metrics = new KubeletMetrics();
  const fake = fakeClient();
  const log: string[] = [];
  const says = (words: object | string): void => {
    const script = typeof words === 'string' ? words : `cat <<'END'\n${JSON.stringify(words)}\nEND`;
    writeFileSync(
      join(binDir, 'fetch'),
      `#!/bin/sh\ncat >> ${requests}\necho "{\\"args\\":\\"$*\\",\\"env\\":\\"$NOTE\\"}" >> ${requests}\n${script}\n`,
    );
    chmodSync(join(binDir, 'fetch'), 0o755);
  };
  says(answer());
  return {
    folder,
    config: file,
    binDir,
    clock,
    metrics,
    log,
    fake,
    says,
    asked: () => {
      if (!existsSync(requests)) return [];
      const lines = readFileSync(requests, 'utf8').trim().split('\n');
      const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      return read.flatMap((line, index) => (index % 2 === 0 ? [{ ...line, ...read[index + 1] }] : []));
    },
    open: () =>
      credentialProviders(file, {
        binDir,
        clock,
        metrics,
        client: fake.client,
        tokens: new TokenManager(fake.client, clock, seededIds(1)),
        logger: createLogger((_, message, { error, ...fields }) => void log.push(`${message} ${JSON.stringify(fields)} ${String(error)}`)),
      }),
  };
}

test('a provider is asked for images it knows, with its arguments and variables, and gives credentials', async (t) => {
  const world = site(t, configOf(provider({ args: ['a', 'b'], env: [{ name: 'NOTE', value: 'x y' }] })));
  const providers = world.open();
  assert.deepEqual(await providers.entries('registry.other.com/app', pod()), []);
  assert.deepEqual(world.asked(), []);
  assert.deepEqual(await providers.entries('registry.example.com/app', pod()), [
    { pattern: '*.example.com', credential: { username: 'u', password: 'p' } },
  ]);
  assert.deepEqual(world.asked(), [
    { kind: 'CredentialProviderRequest', apiVersion: API, image: 'registry.example.com/app', args: 'a b', env: 'x y' },
  ]);
});

for (const { name, said, images, asked } of [
  { name: 'an image', said: {}, images: ['r.example.com/a', 'r.example.com/a', 'r.example.com/b'], asked: 2 },
  { name: 'a registry', said: { cacheKeyType: 'Registry' }, images: ['r.example.com/a', 'r.example.com/b', 's.example.com/a'], asked: 2 },
  { name: 'all', said: { cacheKeyType: 'Global' }, images: ['r.example.com/a', 's.example.com/b'], asked: 1 },
  { name: 'nothing', said: { cacheDuration: '0s' }, images: ['r.example.com/a', 'r.example.com/a'], asked: 2 },
]) {
  test(`an answer that holds for ${name} is asked for ${asked} times`, async (t) => {
    const world = site(t);
    world.says(answer(said));
    const providers = world.open();
    for (const image of images) assert.equal((await providers.entries(image, pod())).length, 1);
    assert.equal(world.asked().length, asked);
  });
}

test('an answer is kept as long as it says, or else as the configuration does', async (t) => {
  const world = site(t);
  const providers = world.open();
  const after = async (ms: number): Promise<number> => {
    world.clock.advance(ms);
    await providers.entries('r.example.com/a', pod());
    return world.asked().length;
  };
  assert.deepEqual([await after(0), await after(600_000), await after(1)], [1, 1, 2]);
  world.says(answer({ cacheDuration: '1h' }));
  assert.deepEqual([await after(600_001), await after(3_600_000), await after(1)], [3, 3, 4]);
});

test('who asks for the same at once is answered once', async (t) => {
  const world = site(t);
  const providers = world.open();
  await Promise.all([1, 2, 3].map(() => providers.entries('r.example.com/a', pod())));
  assert.equal(world.asked().length, 1);
});

for (const { name, said, words } of [
  { name: 'fails', said: 'echo broken >&2; exit 3', words: /ended with 3: broken/ },
  { name: 'speaks another version', said: answer({ apiVersion: `${API}beta1` }), words: /did not match expected apiVersion/ },
  { name: 'says what is no answer', said: 'echo "{\\"secret\\":1}"', words: /apiVersion from credential plugin response/ },
  {
    name: 'says more than it should',
    said: answer({ secret: 's3cret' }),
    words: /error decoding credential provider plugin response from stdout/,
  },
  { name: 'speaks no JSON', said: 'echo s3cret', words: /it is no JSON/ },
  { name: 'names no key', said: answer({ cacheKeyType: 'Pod' }), words: /did not return a valid cacheKeyType: "Pod"/ },
]) {
  test(`a provider that ${name} has no credentials, and nothing it said is shown`, async (t) => {
    const world = site(t);
    world.says(said);
    assert.deepEqual(await world.open().entries('r.example.com/a', pod()), []);
    assert.match(world.log.join('\n'), words);
    assert.doesNotMatch(world.log.join('\n'), /s3cret/);
    assert.equal(world.metrics.credentialPluginErrors.of('fetch').value, name === 'fails' ? 1 : 0);
  });
}

const token = { serviceAccountTokenAudience: 'registry', cacheType: 'ServiceAccount', requireServiceAccount: true };

test('a provider gets a token and annotations of the service account, and what it gives is for that account', async (t) => {
  const attributes = { ...token, requiredServiceAccountAnnotationKeys: ['role'], optionalServiceAccountAnnotationKeys: ['zone', 'none'] };
  const world = site(t, configOf(provider({ tokenAttributes: attributes })));
  const metadata = { namespace: 'default', uid: 'account', annotations: { role: 'puller', zone: 'a', other: 'x' } };
  await world.fake.client.create(serviceaccounts, { metadata: { ...metadata, name: 'builder' } });
  await world.fake.client.create(serviceaccounts, { metadata: { namespace: 'default', name: 'plain' } });
  world.fake.server.react({ resource: serviceaccounts.resource, subresource: 'token' }, () => ({
    status: { token: 'tok', expirationTimestamp: new Date(world.clock.now() + 3_600_000).toISOString() },
  }));
  const providers = world.open();
  const as = (serviceAccountName?: string) =>
    providers.entries('r.example.com/a', pod({ spec: serviceAccountName === undefined ? {} : { serviceAccountName } }));
  const found = await as('builder');
  const { uid } = await world.fake.client.get(serviceaccounts, { namespace: 'default', name: 'builder' }).then((each) => each.metadata);
  assert.deepEqual(
    found.map(({ credential }) => credential.serviceAccount),
    [{ namespace: 'default', name: 'builder', uid }],
  );
  assert.deepEqual(
    world.asked().map(({ serviceAccountToken, serviceAccountAnnotations }) => [serviceAccountToken, serviceAccountAnnotations]),
    [['tok', { role: 'puller', zone: 'a' }]],
  );
  assert.deepEqual([await as('plain'), await as()], [[], []]); // no role, no account
  assert.equal(world.asked().length, 1);
});

for (const [name, given, words] of [
  ['none', [], 'providers: Required value: at least 1 item in plugins is required'],
  ['a slash', [{ name: 'a/b' }], `providers.name: Invalid value: "a/b": provider name cannot contain '/'`],
  ['a space', [{ name: 'a b' }], 'providers.name: Invalid value: "a b": provider name cannot contain spaces'],
  ['a dot', [{ name: '..' }], `providers.name: Invalid value: "..": provider name cannot be '..'`],
  ['one name', [{}, {}], 'providers.name: Duplicate value: "fetch"'],
  ['no version', [{ apiVersion: '' }], 'providers.apiVersion: Required value'],
  ['no images', [{ matchImages: [] }], 'providers.matchImages: Required value: at least 1 item in matchImages is required'],
  ['no duration', [{ defaultCacheDuration: undefined }], 'providers.defaultCacheDuration: Required value'],
  [
    'a version of its own',
    [{ apiVersion: 'x/v1' }],
    'providers.apiVersion: Unsupported value: "x/v1": supported values: "credentialprovider.kubelet.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v1alpha1", "credentialprovider.kubelet.k8s.io/v1beta1"',
  ],
  [
    'no cache type',
    [{ tokenAttributes: { ...token, cacheType: '' } }],
    'providers.tokenAttributes.cacheType: Required value: cacheType is required to be set when tokenAttributes is specified. Supported values are: ServiceAccount, Token',
  ],
  [
    'keys without an account',
    [{ tokenAttributes: { ...token, requireServiceAccount: false, requiredServiceAccountAnnotationKeys: ['a'] } }],
    'providers.tokenAttributes.requiredServiceAccountAnnotationKeys: Forbidden: requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set',
  ],
  [
    'a key twice',
    [{ tokenAttributes: { ...token, optionalServiceAccountAnnotationKeys: ['a', 'a'] } }],
    'providers.tokenAttributes.optionalServiceAccountAnnotationKeys: Duplicate value: "a"',
  ],
] as const) {
  test(`credentialProviderProblems tells ${name}`, () => {
    const read = readCredentialProviderConfig(configOf(...given.map((more) => provider(more))));
    assert.deepEqual(credentialProviderProblems(read), [words]);
  });
}

test('files that are wrong, and programs that are not there, are refused', (t) => {
  const world = site(t);
  const refused = (config: string | object, message: string | RegExp, binDir = world.binDir): void => {
    const path = typeof config === 'string' ? config : join(world.folder, 'other.yaml');
    if (typeof config !== 'string') writeFileSync(path, JSON.stringify(config));
    const { clock, metrics, fake } = world;
    const tokens = new TokenManager(fake.client, clock, seededIds(1));
    assert.throws(() => credentialProviders(path, { binDir, clock, metrics, client: fake.client, tokens, logger: silentLogger }), {
      name: 'CredentialProviderConfigError',
      message,
    });
  };
  refused(world.config, 'plugin binary directory /nowhere did not exist', '/nowhere');
  refused('/nowhere', 'unable to access path "/nowhere"');
  refused(configOf(provider({ name: 'none' })), `plugin binary executable ${join(world.binDir, 'none')} did not exist`);
  refused({ ...configOf(provider()), kind: 'Pod' }, /failed to decode "Pod" \(wrong Kind\)$/);
  refused(configOf(provider({ cache: 1 })), /strict decoding error: unknown field "providers\[0\].cache"$/);
  refused(configOf(), 'failed to validate credential provider config: providers: Required value: at least 1 item in plugins is required');
  const folder = join(world.folder, 'many');
  mkdirSync(folder);
  refused(folder, `no configuration files found in directory "${folder}"`);
  for (const name of ['b.json', 'a.yml', 'ignored.txt']) writeFileSync(join(folder, name), JSON.stringify(configOf(provider())));
  refused(folder, 'duplicate provider name "fetch" found in configuration file(s)');
});

test('an image is pulled with what a provider gave, and any pod of the node may use it then', async (t) => {
  const { config, binDir, asked } = site(t);
  const world = await startWorld(t, { config: { imageCredentialProviderConfigFile: config, imageCredentialProviderBinDir: binDir } });
  world.runtime.publishImage('r.example.com/app:1');
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { image: 'r.example.com/app:1' })] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const pulls = world.runtime.calls.flatMap(({ method, request }) => (method === 'pullImage' ? [request['auth']] : []));
  assert.partialDeepStrictEqual(pulls, [{ username: 'u', password: 'p' }]);
  assert.deepEqual(
    asked().map(({ image }) => image),
    ['r.example.com/app'],
  );
});
