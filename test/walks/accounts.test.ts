// ServiceAccounts as their pods know them: the token, authority and namespace they find, who the cluster takes them for,
// and what anybody can verify of a token by the issuer's own documents. Source: test/e2e/auth/service_accounts.go.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import {
  clusterrolebindings,
  configmaps,
  localsubjectaccessreviews,
  nodes,
  serviceaccounts,
  subjectaccessreviews,
  tokenreviews,
} from '#api/resources.ts';
import type { ClusterRoleBinding, ConfigMap, New, Pod, PodSpec, ServiceAccount } from '#api/types.ts';
import { eventually } from '../harness/eventually.ts';
import { podSet } from '../harness/pods.ts';

const cluster = await startCluster({ after }, ['--nodes', '2']);
const IMAGE = { name: 'example.test/account:1', programs: ['node', 'sh', 'cat', 'sleep'] } as const;
await cluster.importImage(IMAGE);
const pods = await podSet({ after }, cluster, 'sea');
const { client: api, namespace } = pods;
const PLACE = '/var/run/secrets/kubernetes.io/serviceaccount';

const account = (name: string, more: object = {}): Promise<ServiceAccount> =>
  pods.create(serviceaccounts, { metadata: { name }, ...more } as New<ServiceAccount>);
const runs = (script: string, spec: object = {}, container: object = {}): New<PodSpec> =>
  ({
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: IMAGE.name, imagePullPolicy: 'Never', command: ['sh', '-c', script], ...container }],
    ...spec,
  }) as New<PodSpec>;
const mounts = ({ spec }: Pod): boolean => spec.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === PLACE) === true;

/** As a relying party does it: the issuer is the token's, its documents are fetched, the signature is checked. */
const VERIFY = `
  import { createPublicKey, verify } from 'node:crypto';
  import { readFileSync } from 'node:fs';
  const token = readFileSync('/tokens/token', 'utf8');
  const own = readFileSync('${PLACE}/token', 'utf8');
  const [head, body, signature] = token.split('.');
  const parse = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const fetched = async (url) => {
    const answer = await fetch(url, { headers: { authorization: 'Bearer ' + own } });
    if (!answer.ok) throw new Error(url + ' ' + answer.status + ' ' + await answer.text());
    return answer.json();
  };
  const claims = parse(body);
  const document = await fetched(claims.iss + '/.well-known/openid-configuration');
  if (document.issuer !== claims.iss) throw new Error('another issuer: ' + document.issuer);
  const { kid, alg } = parse(head);
  if (!document.id_token_signing_alg_values_supported.includes(alg)) throw new Error('another algorithm: ' + alg);
  const { keys } = await fetched(document.jwks_uri);
  const key = createPublicKey({ key: keys.find((each) => each.kid === kid), format: 'jwk' });
  const options = alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : key;
  if (!verify('sha256', Buffer.from(head + '.' + body), options, Buffer.from(signature, 'base64url'))) throw new Error('not signed');
  console.log(JSON.stringify(claims));
`;

describe('the account of a pod', { concurrency: true }, () => {
  test('is in its files, and the cluster knows by the token who it is, in which pod and on which node', async () => {
    await account('mount-test');
    const reading = `cd ${PLACE} && for f in token namespace; do cat $f; echo; done; cat ca.crt; exec sleep 1000`;
    await pods.run('mounted', runs(reading, { serviceAccountName: 'mount-test', terminationGracePeriodSeconds: 0 }));
    const pod = await pods.until('mounted', ({ status }) => status.phase === 'Running');
    await pods.writes('mounted', /END CERTIFICATE/);
    const [token = '', space, ...ca] = (await pods.logs('mounted')).split('\n');
    assert.equal(space, namespace);
    const root = await api.get(configmaps, { name: 'kube-root-ca.crt', namespace });
    assert.equal(ca.join('\n'), root.data?.['ca.crt']);

    const { status } = await api.create(tokenreviews, { spec: { token } });
    assert.equal(status?.error, undefined);
    assert.equal(status?.authenticated, true);
    const { username, groups, extra = {} } = status.user ?? {};
    assert.equal(username, `system:serviceaccount:${namespace}:mount-test`);
    const expected = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    assert.ok(new Set(expected).isSubsetOf(new Set(groups)), String(groups));
    const node = await api.get(nodes, { name: pod.spec.nodeName ?? '' });
    const { 'authentication.kubernetes.io/credential-id': id = [], ...rest } = extra;
    assert.match(id.join(' '), /^JTI=[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      'authentication.kubernetes.io/pod-name': ['mounted'],
      'authentication.kubernetes.io/pod-uid': [pod.metadata.uid],
      'authentication.kubernetes.io/node-name': [node.metadata.name],
      'authentication.kubernetes.io/node-uid': [node.metadata.uid],
    });
  });

  test('is left out where the pod says so, and where the account does and the pod does not', async () => {
    await account('mount', { automountServiceAccountToken: true });
    await account('nomount', { automountServiceAccountToken: false });
    for (const [serviceAccountName, byDefault] of [
      ['default', true],
      ['mount', true],
      ['nomount', false],
    ] as const) {
      for (const [asked, isMounted] of [
        [undefined, byDefault],
        [true, true],
        [false, false],
      ] as const) {
        const spec = { serviceAccountName, ...(asked === undefined ? {} : { automountServiceAccountToken: asked }) };
        const pod = await pods.run(`opt-${serviceAccountName}-${asked}`, runs('true', spec));
        assert.equal(mounts(pod), isMounted, `${serviceAccountName}, ${asked}`);
        assert.equal(pod.spec.volumes?.length ?? 0, isMounted ? 1 : 0);
      }
    }
  });

  test('is told to another audience by a projected token, which the issuer’s documents verify from inside a pod', async () => {
    await pods.create(clusterrolebindings, {
      metadata: { name: 'sea-discovery' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:service-account-issuer-discovery' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    } as New<ClusterRoleBinding>);
    const source = { serviceAccountToken: { path: 'token', expirationSeconds: 600, audience: 'oidc-discovery-test' } };
    const spec = { volumes: [{ name: 'tokens', projected: { sources: [source] } }] };
    await pods.run(
      'discovers',
      runs('', spec, {
        command: ['node', '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', VERIFY],
        env: [{ name: 'NODE_EXTRA_CA_CERTS', value: `${PLACE}/ca.crt` }],
        volumeMounts: [{ name: 'tokens', mountPath: '/tokens', readOnly: true }],
      }),
    );
    const claims = JSON.parse(await pods.output('discovers')) as Readonly<Record<string, unknown>>;
    const { aud, sub, exp, iat, 'kubernetes.io': kubernetes } = claims;
    assert.deepEqual([aud, sub], [['oidc-discovery-test'], `system:serviceaccount:${namespace}:default`]);
    assert.equal(Number(exp) - Number(iat), 600);
    assert.equal((kubernetes as { readonly pod?: { readonly name: string } }).pod?.name, 'discovers');
  });

  test('may do what a review says of it, and what it is impersonated for', async () => {
    const user = `system:serviceaccount:${namespace}:reviewed`;
    const { metadata } = await account('reviewed');
    const groups = ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace, version: 'v1' };
    const spec = { resourceAttributes, user, groups, uid: metadata.uid ?? '' };
    const asked = [
      'get',
      'configmaps',
      '-n',
      namespace,
      `--as=${user}`,
      `--as-uid=${metadata.uid}`,
      ...groups.map((group) => `--as-group=${group}`),
    ];
    const allows = async (): Promise<readonly unknown[]> => [
      (await api.create(subjectaccessreviews, { spec })).status?.allowed,
      (await api.create(localsubjectaccessreviews, { metadata: { namespace }, spec })).status?.allowed,
      (await cluster.kubectl.run(asked)).code === 0,
    ];
    assert.deepEqual(await allows(), [false, false, false]);
    await cluster.kubectl.succeed([
      'create',
      'rolebinding',
      'reviewed',
      '-n',
      namespace,
      '--clusterrole=view',
      `--serviceaccount=${namespace}:reviewed`,
    ]);
    await eventually(async () => assert.deepEqual(await allows(), [true, true, true]));
  });
});

test('every namespace has the authority of the cluster, again when it is deleted and right when it is changed', async () => {
  const ref = { name: 'kube-root-ca.crt', namespace };
  const { data, metadata } = await api.get(configmaps, ref);
  await api.delete(configmaps, ref, { gracePeriodSeconds: 0 });
  await eventually(async () => assert.notEqual((await api.get(configmaps, ref)).metadata.uid, metadata.uid));
  await api.update(configmaps, { metadata: ref, data: { 'ca.crt': '' } } as unknown as ConfigMap);
  await eventually(async () => assert.deepEqual((await api.get(configmaps, ref)).data, data));
});
