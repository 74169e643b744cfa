import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { StatusError } from '#apimachinery/errors.ts';
import { nodes } from '#api/resources.ts';
import type { CertificateSigningRequest, Node } from '#api/types.ts';
import type { RequestFacts } from '#controllers/certificates/request-facts.ts';
import { createTestAuthority } from '#apiserver/testing/certificates.ts';
import { systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { ConnectionError } from '#client/contract.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { CommandError } from '../commands/command-error.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { AuthorityError } from './cluster-info.ts';
import { givenToken } from './given-token.ts';
import { joinRefusal, nameRefusal } from './refusals.ts';
import { judgeNodeRequest } from './node-requests-plan.ts';
import { formatJoinToken, newJoinToken, parseJoinToken, tokenSecret } from './token.ts';

const HASH = 'ab'.repeat(32);

test('a join token is read as it was written, and nothing else is one', () => {
  const token = newJoinToken(HASH, seededIds(7));
  assert.deepEqual(parseJoinToken(`${formatJoinToken(token)}\n`), token);
  for (const text of ['', 'abcdef.0123456789abcdef', formatJoinToken(token).slice(0, -1), formatJoinToken(token).replace('::', ':')])
    assert.equal(parseJoinToken(text), undefined, text);
});

test('givenToken takes the flag before the file, and tells which of them is wrong', (t) => {
  const folder = temporaryFolder(t);
  const [tokenFile, none] = [join(folder, 'token'), join(folder, 'none')];
  const [one, two] = [newJoinToken(HASH, seededIds(7)), newJoinToken(HASH, seededIds(8))];
  writeFileSync(tokenFile, `${formatJoinToken(one)}\n`);
  assert.deepEqual(givenToken({ tokenFile })(), one);
  assert.deepEqual(givenToken({ token: formatJoinToken(two), tokenFile })(), two);
  assert.throws(givenToken({}), /^CommandError: this machine has not joined yet: give --token, made by proa token create/);
  assert.throws(givenToken({ tokenFile: none }), /joined yet: \S+none does not exist; give --token or another --token-file, made by/);
  assert.throws(() => givenToken({ token: 'x' }), /^CommandError: --token is no join token/);
  writeFileSync(tokenFile, 'x');
  assert.throws(() => givenToken({ tokenFile }), /^CommandError: what \S+token holds is no join token/);
});

test('tokenSecret is what upstream’s authenticator takes, with an end or without', () => {
  const token = { authorityHash: HASH, id: 'abcdef', secret: '0123456789abcdef' };
  assert.equal(tokenSecret(token, Date.UTC(2026, 0, 1), 'x').stringData?.['expiration'], '2026-01-01T00:00:00Z');
  assert.equal(tokenSecret(token, undefined, 'x').stringData?.['expiration'], undefined);
});

const node = (name: string, ...addresses: readonly string[]): Node =>
  ({ metadata: { name }, status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) } }) as unknown as Node;
const NODES = [node('a', '10.0.0.1'), node('b', '10.0.0.2')];

const serving: Partial<RequestFacts> = { commonName: 'system:node:a', organizations: ['system:nodes'] };
const component: Partial<RequestFacts> = { commonName: 'system:kube-proxy' };

interface Case {
  readonly signer: 'kubelet-serving' | 'kube-apiserver-client';
  readonly facts: Partial<RequestFacts>;
  readonly from?: string;
  readonly groups?: readonly string[];
  readonly nodes?: readonly Node[];
  readonly want: string;
}

const cases: Readonly<Record<string, Case>> = {
  'approves what a node serves with, for its own name and address': {
    signer: 'kubelet-serving',
    facts: { ...serving, dnsNames: ['a'], ipAddresses: ['10.0.0.1'] },
    want: 'approve',
  },
  'leaves an address that is not the node’s': {
    signer: 'kubelet-serving',
    facts: { ...serving, ipAddresses: ['10.0.0.2'] },
    want: '10.0.0.2 is no address of node a',
  },
  'leaves an address that another node has too': {
    signer: 'kubelet-serving',
    facts: { ...serving, ipAddresses: ['10.0.0.1'] },
    nodes: [...NODES, node('c', '10.0.0.1')],
    want: 'node c has the same address',
  },
  'leaves a node that asks for another': {
    signer: 'kubelet-serving',
    facts: { ...serving, commonName: 'system:node:b', ipAddresses: ['10.0.0.2'] },
    want: 'a node asks for another',
  },
  'leaves a node that is not registered': {
    signer: 'kubelet-serving',
    facts: { ...serving, ipAddresses: ['10.0.0.1'] },
    nodes: [],
    want: 'node a is not registered yet',
  },
  'approves the user of a component of every node': { signer: 'kube-apiserver-client', facts: component, want: 'approve' },
  'leaves any other user': {
    signer: 'kube-apiserver-client',
    facts: { commonName: 'kubernetes-admin' },
    want: 'kubernetes-admin is no component of a node',
  },
  'leaves a component with groups': {
    signer: 'kube-apiserver-client',
    facts: { ...component, organizations: ['system:masters'] },
    want: 'it asks for groups or names',
  },
  'leaves what is not sent by a node': {
    signer: 'kube-apiserver-client',
    facts: component,
    from: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers'],
    want: 'it was not sent by a node',
  },
};

for (const [name, { signer, facts, from = 'system:node:a', groups = ['system:nodes'], nodes = NODES, want }] of Object.entries(cases)) {
  test(`judgeNodeRequest ${name}`, () => {
    const usages = ['digital signature', signer === 'kubelet-serving' ? 'server auth' : 'client auth'];
    const request = {
      spec: { username: from, groups, usages, signerName: `kubernetes.io/${signer}` },
    } as unknown as CertificateSigningRequest;
    const none = { commonName: '', organizations: [], dnsNames: [], ipAddresses: [], emails: [], uris: [] };
    const verdict = judgeNodeRequest(request, { ...none, ...facts }, nodes);
    assert.equal(verdict.kind === 'leave' ? verdict.why : verdict.kind, want);
  });
}

const SERVER = 'https://192.0.2.1:6443';
const NOW = Date.UTC(2026, 0, 1);

for (const [name, error, says] of [
  ['another authority', new AuthorityError('it has another authority'), 'it has another authority'],
  ['nobody who answers', new ConnectionError('connect ECONNREFUSED'), `${SERVER} cannot be reached: connect ECONNREFUSED`],
  [
    'a token that is not known',
    new StatusError('Unauthorized', 'Unauthorized'),
    'the token is not known or has expired: make a new one with proa token create on the server',
  ],
] as const) {
  test(`joinRefusal names ${name}`, () => assert.deepEqual(joinRefusal(error, SERVER, NOW), new CommandError(says)));
}

test('joinRefusal leaves an error whose cause it does not know', () => {
  const bug = new TypeError('x is not a function');
  assert.equal(joinRefusal(bug, SERVER, NOW), bug);
});

for (const [name, shift] of [
  ['before the clock', -10 * 86_400_000],
  ['after the clock', 10 * 86_400_000],
] as const) {
  test(`joinRefusal names a clock that is wrong: the certificate is of ${name}`, async (t) => {
    const authority = await createTestAuthority(systemClock.now() + shift);
    const { certificate: cert, key } = await authority.serving({ dns: [], ip: ['127.0.0.1'] });
    const server = createSecureServer({ cert, key }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = httpsTransport({ server: address, ca: { pem: authority.certificate }, clock: systemClock, logger: silentLogger });
    t.after(() => transport.close());
    const refused = await createClient(transport)
      .get(nodes, { name: 'a' })
      .catch((error: unknown) => joinRefusal(error, address, NOW));
    assert.deepEqual(
      refused,
      new CommandError(
        `the certificate of ${address} is not valid at this machine's time, 2026-01-01T00:00:00.000Z: set the clock of whichever machine is wrong`,
      ),
    );
  });
}

test('nameRefusal takes a name that nobody has, or whose machine is gone', () => {
  const named = (status: string): Node =>
    ({ metadata: { name: 'a' }, status: { conditions: [{ type: 'Ready', status }] } }) as unknown as Node;
  assert.equal(nameRefusal(undefined), undefined);
  assert.equal(nameRefusal(named('Unknown')), undefined);
  assert.match(nameRefusal(named('True'))?.message ?? '', /^another machine is node a and Ready: choose another name with --node-name/);
});
