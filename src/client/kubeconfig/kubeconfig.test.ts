import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { fileCredentials } from '../https/credentials.ts';
import { testAuthority } from '../testing/https-server.ts';
import { execCredentials, type ExecCredentialsOptions } from './exec-credentials.ts';
import { KubeconfigError, mergeKubeconfigs, parseKubeconfig, selectContext } from './kubeconfig.ts';
import { inClusterConfig, kubeconfigPaths, loadKubeconfig } from './load-kubeconfig.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'proa-kubeconfig-'));
  t.after(async () => rm(made, { recursive: true }));
  return made;
}

const deps = (env: Readonly<Record<string, string>> = {}, clock = new ManualClock()) => ({
  clock,
  logger: silentLogger,
  env,
  stdin: 'none' as const,
});

const BASIC = `
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: c1
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: ${b64('CA PEM')}, tls-server-name: kubernetes}
- name: c2
  cluster: {server: "https://10.0.0.2:6443", insecure-skip-tls-verify: true}
users:
- name: u1
  user: {client-certificate-data: ${b64('CERT')}, client-key-data: ${b64('KEY')}, as: jane, as-groups: [dev]}
- name: u2
  user: {token: secret}
contexts:
- name: dev
  context: {cluster: c1, user: u1}
- name: prod
  context: {cluster: c2, user: u2, namespace: web}
`;

test('loadKubeconfig reads the current context with inline credentials', async (t) => {
  const path = join(await folder(t), 'config');
  await writeFile(path, BASIC);
  const { https, namespace, context } = loadKubeconfig(deps(), { path });
  assert.deepEqual(
    [context, namespace, https.server, https.ca, https.serverName, https.verify, https.impersonate],
    ['dev', 'default', 'https://10.0.0.1:6443', { pem: 'CA PEM' }, 'kubernetes', 'full', { user: 'jane', groups: ['dev'] }],
  );
  assert.deepEqual(await https.credentials?.current(), { certificate: { cert: 'CERT', key: 'KEY' } });
});

test('loadKubeconfig reads a context by its name', async (t) => {
  const path = join(await folder(t), 'config');
  await writeFile(path, BASIC);
  const { https, namespace } = loadKubeconfig(deps(), { path, context: 'prod' });
  assert.deepEqual(
    [namespace, https.ca, https.verify, await https.credentials?.current()],
    ['web', undefined, 'none', { authorization: 'Bearer secret' }],
  );
});

test('loadKubeconfig takes file references relative to their file, and follows their changes', async (t) => {
  const dir = await folder(t);
  const authority = await testAuthority(systemClock.now());
  const [first, second] = [await authority.client('a'), await authority.client('b')];
  await writeFile(join(dir, 'client.crt'), first.cert);
  await writeFile(join(dir, 'client.key'), first.key);
  await writeFile(join(dir, 'token'), 'one\n');
  await writeFile(
    join(dir, 'config'),
    'current-context: x\nclusters: [{name: c, cluster: {server: "https://h", certificate-authority: ca.crt}}]\nusers: [{name: u, user: {client-certificate: client.crt, client-key: client.key, tokenFile: token, token: ignored}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n',
  );
  const clock = new ManualClock();
  const { https } = loadKubeconfig(deps({}, clock), { path: join(dir, 'config') });
  assert.deepEqual(https.ca, { file: join(dir, 'ca.crt') });
  assert.deepEqual(await https.credentials?.current(), { certificate: first, authorization: 'Bearer one' });
  await writeFile(join(dir, 'token'), 'two\n');
  await utimes(join(dir, 'token'), 1, 1);
  assert.equal((await https.credentials?.current())?.authorization, 'Bearer one');
  clock.advance(10_000);
  assert.equal((await https.credentials?.current())?.authorization, 'Bearer two');
  await writeFile(join(dir, 'client.crt'), second.cert);
  await utimes(join(dir, 'client.crt'), 2, 2);
  clock.advance(10_000);
  assert.deepEqual((await https.credentials?.current())?.certificate, first, 'the key is not there yet');
  await writeFile(join(dir, 'client.key'), second.key);
  await utimes(join(dir, 'client.key'), 2, 2);
  clock.advance(10_000);
  assert.deepEqual((await https.credentials?.current())?.certificate, second);
});

test('fileCredentials reads anew after a refusal and keeps what it has when the file is gone', async (t) => {
  const dir = await folder(t);
  const tokenFile = join(dir, 'token');
  await writeFile(tokenFile, 'one');
  const lines: string[] = [];
  const source = fileCredentials(
    { tokenFile },
    new ManualClock(),
    createLogger((level, message) => lines.push(`${level} ${message}`)),
  );
  const identity = await source.current();
  assert.equal(await source.refused(identity), false);
  await writeFile(tokenFile, 'second');
  assert.equal(await source.refused(identity), true);
  await rm(tokenFile);
  assert.equal(await source.refused(await source.current()), false);
  assert.equal((await source.current()).authorization, 'Bearer second');
  assert.deepEqual(lines, ['warn cannot read a file again, its last content stays in use']);
  await assert.rejects(fileCredentials({ tokenFile }, new ManualClock(), silentLogger).current(), /ENOENT/);
});

test('loadKubeconfig merges the files of KUBECONFIG, the first one counting most', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'a'), BASIC);
  await writeFile(
    join(dir, 'b'),
    'current-context: prod\nusers: [{name: u1, user: {token: other}}, {name: u3, user: {token: three}}]\ncontexts: [{name: third, context: {cluster: c1, user: u3}}]\n',
  );
  const env = { KUBECONFIG: [join(dir, 'missing'), join(dir, 'a'), join(dir, 'b')].join(':') };
  assert.equal(loadKubeconfig(deps(env)).context, 'dev');
  const third = loadKubeconfig(deps(env), { context: 'third' });
  assert.deepEqual(
    [third.https.server, await third.https.credentials?.current()],
    ['https://10.0.0.1:6443', { authorization: 'Bearer three' }],
  );
});

test('kubeconfigPaths is ~/.kube/config without the variable', () => {
  assert.deepEqual(kubeconfigPaths({ HOME: '/home/jane' }), ['/home/jane/.kube/config']);
});

const select =
  (user: string, cluster = '{server: "https://h"}', context = '{cluster: c, user: u}') =>
  () =>
    selectContext(
      parseKubeconfig(
        `current-context: x\nclusters: [{name: c, cluster: ${cluster}}]\nusers: [{name: u, user: ${user}}]\ncontexts: [{name: x, context: ${context}}]`,
        '/k',
      ),
    );

for (const [name, run, message] of [
  [
    'nothing',
    () => selectContext(mergeKubeconfigs([])),
    'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
  ],
  ['an unknown context', () => selectContext(parseKubeconfig(BASIC, '/k'), 'nope'), 'context was not found for specified context: nope'],
  [
    'an unknown user',
    select('{}', '{server: "https://h"}', '{cluster: c, user: nobody}'),
    'invalid configuration: user "nobody" was not found for context "x"',
  ],
  [
    'several faults',
    select('{}', '{server: "https://h"}', '{namespace: Not_Good}'),
    'invalid configuration: [user was not specified for context "x", cluster was not specified for context "x", namespace "Not_Good" for context "x" does not conform to the kubernetes DNS_LABEL rules]',
  ],
  ['a cluster without server', select('{}', '{}'), 'invalid configuration: no server found for cluster "c"'],
  [
    'a proxy',
    select('{}', '{server: "https://h", proxy-url: "http://p:3128"}'),
    'invalid configuration: cluster "c" asks for the proxy "http://p:3128": proxies are not supported',
  ],
  [
    'a CA that would not be looked at',
    select('{}', '{server: "https://h", insecure-skip-tls-verify: true, certificate-authority: /ca}'),
    'invalid configuration: specifying a root certificates file with the insecure flag is not allowed',
  ],
  [
    'a certificate without key',
    select('{client-certificate: /c}'),
    'invalid configuration: client-key-data or client-key must be specified for u to use the clientCert authentication method.',
  ],
  [
    'two ways to authenticate',
    select('{token: t, username: n}'),
    'invalid configuration: more than one authentication method found for u; found [token basicAuth], only one is allowed',
  ],
  [
    'an auth-provider',
    select('{auth-provider: {name: gcp}}'),
    'invalid configuration: user "u" has an auth-provider: use an exec credential plugin instead',
  ],
  [
    'groups without a user to be',
    select('{as-groups: [g]}'),
    'invalid configuration: requesting uid, groups or user-extra for u without impersonating a user',
  ],
  [
    'an exec plugin without a mode',
    select('{exec: {command: c, apiVersion: client.authentication.k8s.io/v1}}'),
    'invalid configuration: interactiveMode must be specified for u to use exec authentication plugin',
  ],
  ['a list that is none', () => parseKubeconfig('users: {}', '/k'), '/k: users must be a list'],
] as const) {
  test(`selectContext refuses ${name}`, () => assert.throws(run, (error) => error instanceof KubeconfigError && error.message === message));
}

async function plugin(
  t: TestContext,
  script: string,
): Promise<{ readonly command: string; readonly options: (fields?: Partial<ExecCredentialsOptions>) => ExecCredentialsOptions }> {
  const command = join(await folder(t), 'plugin');
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
  return {
    command,
    options: (fields = {}) => ({
      exec: {
        command,
        args: ['one', 'two words'],
        env: [{ name: 'EXTRA', value: 'yes' }],
        apiVersion: 'client.authentication.k8s.io/v1',
        interactiveMode: 'Never',
        provideClusterInfo: true,
      },
      cluster: { server: 'https://h' },
      clock: new ManualClock(Date.UTC(2026, 0, 1)),
      env: { PATH: process.env['PATH'] },
      stdin: 'none',
      ...fields,
    }),
  };
}

const credential = (status: object): string =>
  JSON.stringify({ kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status });

test('execCredentials runs the program with its arguments, environment and the cluster', async (t) => {
  const { options } = await plugin(
    t,
    `printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s|%s|%s|%s"}}' "$1" "$2" "$EXTRA" "$(printf %s "$KUBERNETES_EXEC_INFO" | tr -d '"')"`,
  );
  const info = '{kind:ExecCredential,apiVersion:client.authentication.k8s.io/v1,spec:{interactive:false,cluster:{server:https://h}}}';
  assert.deepEqual(await execCredentials(options()).current(), { authorization: `Bearer one|two words|yes|${info}` });
});

test('execCredentials keeps credentials until they expire or are refused', async (t) => {
  const { command, options } = await plugin(
    t,
    `n=$(cat "$0.count" 2>/dev/null || echo 0); n=$((n+1)); echo $n > "$0.count"; echo '${credential({ token: 'N', expirationTimestamp: '2026-01-01T00:01:00Z' })}' | sed "s/N/t$n/"`,
  );
  assert.ok(command.length > 0);
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const source = execCredentials(options({ clock }));
  const [a, b] = await Promise.all([source.current(), source.current()]);
  assert.equal(a, b);
  assert.equal(a.authorization, 'Bearer t1');
  assert.equal(await source.refused(a), true);
  assert.equal((await source.current()).authorization, 'Bearer t2');
  assert.equal(await source.refused(a), true, 'somebody else has already asked');
  assert.equal((await source.current()).authorization, 'Bearer t2');
  clock.advance(60_000);
  assert.equal((await source.current()).authorization, 'Bearer t3');
});

for (const [name, script, message] of [
  ['fails', 'exit 3', /executable .*plugin failed with exit code 3/],
  ['prints no JSON', 'echo hello', /decoding stdout/],
  [
    'speaks another version',
    `echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"t"}}'`,
    /configured to use API version client.authentication.k8s.io\/v1, plugin returned version client.authentication.k8s.io\/v1beta1/,
  ],
  ['gives no credentials', `echo '${credential({})}'`, /didn't return a token or cert\/key pair/],
  ['gives half a pair', `echo '${credential({ clientKeyData: 'k' })}'`, /only certificate or key, not both/],
  ['prints without end', 'yes 2>/dev/null', /wrote more than 1048576 bytes/],
] as const) {
  test(`execCredentials tells of a program that ${name}`, async (t) => {
    const { options } = await plugin(t, script);
    await assert.rejects(execCredentials(options()).current(), (error) => error instanceof KubeconfigError && message.test(error.message));
  });
}

test('execCredentials says how to install a program that is missing', async (t) => {
  const { options } = await plugin(t, '');
  const { exec } = options();
  const source = execCredentials(options({ exec: { ...exec, command: 'no-such-plugin', installHint: 'install it like this' } }));
  await assert.rejects(source.current(), /executable no-such-plugin not found\n\ninstall it like this/);
  const insisting = execCredentials(options({ exec: { ...exec, interactiveMode: 'Always' } }));
  await assert.rejects(insisting.current(), /standard input is not a terminal/);
});

test('inClusterConfig uses the mounted service account', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'token'), 'sa-token');
  await writeFile(join(dir, 'namespace'), 'web\n');
  const config = inClusterConfig(deps({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }), dir);
  assert.deepEqual(
    [config?.https.server, config?.https.ca, config?.namespace, await config?.https.credentials?.current()],
    ['https://[fd00::1]:443', { file: join(dir, 'ca.crt') }, 'web', { authorization: 'Bearer sa-token' }],
  );
  assert.equal(inClusterConfig(deps(), dir), undefined);
});
