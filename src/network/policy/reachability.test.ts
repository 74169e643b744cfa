// Real packets between nine pods of three namespaces on one bridge, under one policy after another: who reaches whom.
// The cases are those that a network plugin is judged by. Source: test/e2e/network/netpol network_policy.go.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Namespace, NetworkPolicy, NetworkPolicySpec, Pod } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { eventually } from '#test/harness/eventually.ts';
import { networkNamespace, type NetworkNamespace } from '#test/harness/netns.ts';
import { Scope } from '#test/harness/scope.ts';
import { sctpAsk, sctpServer } from '#test/harness/sctp.ts';
import { Policies } from './policies.ts';

/** `namespace/pod`. */
const NAMES = ['x', 'y', 'z'].flatMap((space) => ['a', 'b', 'c'].map((name) => `${space}/${name}`));
const PORTS = [80, 81, 82] as const;
const ipOf = (name: string): string => `10.244.0.${NAMES.indexOf(name) + 10}`;

/** Serves TCP and UDP at its address, and asks, over a socket of the file system, whoever it is told to. */
const PROGRAM = `
  const [, ip, path, ...ports] = process.argv;
  const net = require('net'), dgram = require('dgram');
  let left = ports.length * 2 + 1;
  const up = () => { if (--left === 0) console.log('ready'); };
  for (const port of ports) {
    net.createServer((s) => { s.on('error', () => {}); s.end('yes'); }).listen(+port, ip, up);
    const u = dgram.createSocket('udp4'); u.on('message', (_, f) => u.send('yes', f.port, f.address)); u.bind(+port, ip, up);
  }
  const tcp = (to, port) => new Promise((done) => {
    const s = net.connect(port, to);
    const end = (reached) => { clearTimeout(late); s.destroy(); done(reached); };
    const late = setTimeout(end, 500, false);
    s.on('data', () => end(true)).on('error', () => end(false));
  });
  const udp = (to, port) => new Promise((done) => {
    const s = dgram.createSocket('udp4');
    const send = () => s.send('?', port, to, () => {});
    const again = setInterval(send, 100);
    const end = (reached) => { clearTimeout(late); clearInterval(again); s.close(); done(reached); };
    const late = setTimeout(end, 500, false);
    s.on('message', () => end(true)).on('error', () => {}); send();
  });
  require('http').createServer(async (request, response) => {
    const asked = JSON.parse(decodeURIComponent(request.url.slice(1)));
    response.end(JSON.stringify(await Promise.all(asked.to.map((to) => (asked.protocol === 'UDP' ? udp : tcp)(to, asked.port)))));
  }).listen(path, up);
`;

const scope = new Scope();
const stop = new AbortController();
let running: Promise<void>;
const spaces = new Map<string, NetworkNamespace>();
let version = 1;
const next = (): { readonly resourceVersion: string } => ({ resourceVersion: String(++version) });

const podOf = (name: string, labels: object = {}): Pod => {
  const [namespace, own] = name.split('/');
  const ports = PORTS.flatMap((port) =>
    ['TCP', 'UDP'].map((protocol) => ({ name: `serve-${port}-${protocol.toLowerCase()}`, containerPort: port, protocol })),
  );
  return {
    metadata: { name: own, namespace, uid: name, labels: { pod: own, ...labels }, ...next() },
    spec: { nodeName: 'here', containers: [{ name: 'c', ports }] },
    status: { phase: 'Running', podIP: ipOf(name), podIPs: [{ ip: ipOf(name) }] },
  } as unknown as Pod;
};
const namespaceOf = (name: string, labels: object = {}): Namespace =>
  ({ metadata: { name, labels: { ns: name, 'kubernetes.io/metadata.name': name, ...labels }, ...next() } }) as unknown as Namespace;

const pods = fakeInformer(...NAMES.map((name) => podOf(name)));
const namespaces = fakeInformer(...['x', 'y', 'z'].map((name) => namespaceOf(name)));
const policies = fakeInformer<NetworkPolicy>();

before(async () => {
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  await succeed('ip', ['link', 'add', 'cni0', 'type', 'bridge']);
  await succeed('ip', ['addr', 'add', '10.244.0.1/24', 'dev', 'cni0']);
  await succeed('ip', ['link', 'set', 'cni0', 'up']);
  writeFileSync('/proc/sys/net/bridge/bridge-nf-call-iptables', '1');
  for (const name of NAMES) {
    const space = await networkNamespace(scope);
    spaces.set(name, space);
    const host = name.replace('/', '-');
    await succeed('ip', ['link', 'add', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space.name]);
    await succeed('ip', ['link', 'set', host, 'master', 'cni0', 'up']);
    await space.succeed('ip', ['addr', 'add', `${ipOf(name)}/24`, 'dev', 'eth0']);
    await space.succeed('ip', ['link', 'set', 'eth0', 'up']);
    await space.succeed('ip', ['route', 'add', 'default', 'via', '10.244.0.1']);
    await space.start(process.execPath, ['-e', PROGRAM, ipOf(name), socketOf(name), ...PORTS.map(String)]).line(/ready/);
  }
  const peers = (): { readonly pods: typeof pods; readonly namespaces: typeof namespaces } => ({ pods, namespaces });
  const deps = { clock: systemClock, logger: silentLogger, nodeName: 'here', families: ['IPv4'] as const };
  running = new Policies({ ...deps, policies, peers }).run(stop.signal);
});

after(async () => {
  stop.abort();
  await running;
  await scope[Symbol.asyncDispose]();
});

const socketOf = (name: string): string => join(tmpdir(), `${name.replace('/', '-')}.sock`);

/** Which of `to` the pod reaches. */
function ask(from: string, to: readonly string[], port: number, protocol: string): Promise<readonly boolean[]> {
  const path = `/${encodeURIComponent(JSON.stringify({ to: to.map(ipOf), port, protocol }))}`;
  return new Promise((resolve, reject) => {
    request(
      { socketPath: socketOf(from), path, agent: false },
      (answer) => void json(answer).then((all) => resolve(all as boolean[]), reject),
    )
      .on('error', reject)
      .end();
  });
}

/** `x/*` and `*` are all of a namespace and all. Later ones win; who is in none reaches whom it wants. */
type Expected = readonly (readonly [from: string, to: string, reaches: boolean])[];
const isMeant = (pattern: string, name: string): boolean =>
  pattern === '*' || pattern === name || (pattern.endsWith('/*') && name.startsWith(pattern.slice(0, 2)));

async function reached(port: number, protocol: string): Promise<readonly string[]> {
  const rows = await Promise.all(
    NAMES.map(async (from) => {
      const others = NAMES.filter((to) => to !== from);
      const reaches = await ask(from, others, port, protocol);
      return others.filter((_, i) => reaches[i]).map((to) => `${from} > ${to}`);
    }),
  );
  return rows.flat();
}

/** One look: at a port, what is expected there. */
interface Look {
  readonly port?: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly expect: Expected;
}

async function check({ port = 80, protocol = 'TCP', expect }: Look): Promise<void> {
  const all = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to] as const));
  const wanted = all.filter(([from, to]) => expect.findLast((rule) => isMeant(rule[0], from) && isMeant(rule[1], to))?.[2] ?? true);
  await eventually(async () =>
    assert.deepEqual(
      await reached(port, protocol),
      wanted.map(([from, to]) => `${from} > ${to}`),
    ),
  );
}

const policy = (name: string, { in: namespace = 'x', ...spec }: Partial<NetworkPolicySpec> & { readonly in?: string }): NetworkPolicy => {
  const policyTypes = [...(spec.ingress === undefined ? [] : ['Ingress']), ...(spec.egress === undefined ? [] : ['Egress'])];
  return {
    metadata: { name, namespace, uid: name, ...next() },
    spec: { podSelector: {}, policyTypes, ...spec },
  } as unknown as NetworkPolicy;
};

const labelled = (pod: string) => ({ matchLabels: { pod } });
const A = { podSelector: labelled('a') };
const space = (name: string) => ({ namespaceSelector: { matchLabels: { ns: name } } });
const oneOf = (key: string, operator: 'In' | 'NotIn', ...values: readonly string[]) => ({ matchExpressions: [{ key, operator, values }] });
const tcp = (port: number | string) => [{ protocol: 'TCP' as const, port }];
const CLOSED_X: Expected = [
  ['*', 'x/*', false],
  ['x/*', '*', false],
];
const intoA = (...allowed: readonly string[]): Expected => [['*', 'x/a', false], ...allowed.map((from) => [from, 'x/a', true] as const)];
const outOfA = (...allowed: readonly string[]): Expected => [['x/a', '*', false], ...allowed.map((to) => ['x/a', to, true] as const)];

type Step = readonly [policies: readonly NetworkPolicy[], looks: readonly Look[]];
const DENY = policy('deny', { ingress: [] });
const only = (name: string, spec: Parameters<typeof policy>[1], ...looks: readonly Look[]): readonly [string, readonly Step[]] => [
  name,
  [[[policy('one', spec)], looks]],
];

for (const [name, steps] of [
  only('nothing reaches a namespace that denies all', { ingress: [] }, { expect: [['*', 'x/*', false]] }),
  only('nothing goes in or out where both are denied', { ingress: [], egress: [] }, { expect: CLOSED_X }),
  only('a pod of the namespace', { ...A, ingress: [{ from: [{ podSelector: labelled('b') }] }] }, { expect: intoA('x/b') }),
  [
    'one pod is open beside a denial for all',
    [
      [
        [DENY, policy('open', { ...A, ingress: [{ from: [{ podSelector: {}, namespaceSelector: {} }] }] })],
        [
          {
            expect: [
              ['*', 'x/*', false],
              ['*', 'x/a', true],
            ],
          },
        ],
      ],
    ],
  ],
  only('all namespaces', { ...A, ingress: [{ from: [{ namespaceSelector: {} }] }] }, { expect: [] }),
  only('one namespace', { ...A, ingress: [{ from: [space('y')] }] }, { expect: intoA('y/*') }),
  only(
    'the label that every namespace has',
    { ...A, ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'y' } } }] }] },
    { expect: intoA('y/*') },
  ),
  only('pods by an expression', { ...A, ingress: [{ from: [{ podSelector: oneOf('pod', 'In', 'b') }] }] }, { expect: intoA('x/b') }),
  only(
    'namespaces by an expression',
    { ...A, ingress: [{ from: [{ namespaceSelector: oneOf('ns', 'In', 'y') }] }] },
    { expect: intoA('y/*') },
  ),
  only(
    'pods or namespaces',
    { ...A, ingress: [{ from: [{ namespaceSelector: oneOf('ns', 'NotIn', 'x') }, { podSelector: labelled('b') }] }] },
    { expect: intoA('x/b', 'y/*', 'z/*') },
  ),
  only(
    'pods of namespaces',
    { ...A, ingress: [{ from: [{ namespaceSelector: oneOf('ns', 'NotIn', 'x'), podSelector: labelled('b') }] }] },
    { expect: intoA('y/b', 'z/b') },
  ),
  only(
    'several pods of namespaces',
    { ...A, ingress: [{ from: [{ namespaceSelector: oneOf('ns', 'NotIn', 'x'), podSelector: oneOf('pod', 'In', 'b', 'c') }] }] },
    { expect: intoA('y/b', 'y/c', 'z/b', 'z/c') },
  ),
  only(
    'one or another pod',
    { ...A, ingress: [{ from: [{ podSelector: labelled('b') }, { podSelector: labelled('c') }] }] },
    { expect: intoA('x/b', 'x/c') },
  ),
  only(
    'one pod of one other namespace',
    { ...A, ingress: [{ from: [{ ...space('y'), podSelector: labelled('a') }] }] },
    { expect: intoA('y/a') },
  ),
  only(
    'one namespace at one port',
    { ...A, ingress: [{ from: [space('y')], ports: tcp(81) }] },
    { port: 81, expect: intoA('y/*') },
    { port: 80, expect: intoA() },
  ),
  [
    'policies add up',
    [
      [
        [policy('one', { ...A, ingress: [{ from: [space('y')], ports: tcp(81) }] })],
        [
          { port: 81, expect: intoA('y/*') },
          { port: 80, expect: intoA() },
        ],
      ],
      [
        [
          policy('one', { ...A, ingress: [{ from: [space('y')], ports: tcp(81) }] }),
          policy('two', { ...A, ingress: [{ from: [space('y')], ports: tcp(80) }] }),
        ],
        [{ port: 80, expect: intoA('y/*') }],
      ],
    ],
  ],
  only('everything by a policy that allows all', { ingress: [{}] }, { port: 80, expect: [] }, { port: 81, expect: [] }),
  only(
    'a named port',
    { ingress: [{ ports: tcp('serve-81-tcp') }] },
    { port: 81, expect: [] },
    { port: 80, expect: [['*', 'x/*', false]] },
  ),
  only(
    'a namespace at a named port',
    { ...A, ingress: [{ from: [space('y')], ports: tcp('serve-80-tcp') }] },
    { port: 80, expect: intoA('y/*') },
    { port: 81, expect: intoA() },
  ),
  only(
    'a named port of whoever is spoken to',
    { egress: [{ ports: tcp('serve-80-tcp') }] },
    { port: 80, expect: [] },
    { port: 81, expect: [['x/*', '*', false]] },
  ),
  only(
    'a range of ports',
    { ...A, ingress: [{ ports: [{ protocol: 'TCP', port: 80, endPort: 81 }] }] },
    { port: 80, expect: [] },
    { port: 81, expect: [] },
    { port: 82, expect: intoA() },
  ),
  only(
    'a range of ports on the way out',
    { ...A, egress: [{ ports: [{ protocol: 'TCP', port: 81, endPort: 82 }] }] },
    { port: 80, expect: outOfA() },
    { port: 82, expect: [] },
  ),
  [
    'a policy that changes',
    [
      [[policy('one', { ingress: [{}] })], [{ port: 81, expect: [] }]],
      [[policy('one', { ingress: [] })], [{ port: 81, expect: [['*', 'x/*', false]] }]],
    ],
  ],
  only(
    'pods of the own namespace alone',
    { ingress: [{ from: [{ podSelector: {} }] }] },
    {
      expect: [
        ['y/*', 'x/*', false],
        ['z/*', 'x/*', false],
      ],
    },
  ),
  only('nothing out of a pod', { ...A, egress: [] }, { expect: outOfA() }),
  only('nothing out of a namespace', { egress: [] }, { expect: [['x/*', '*', false]] }),
  only(
    'both directions at once',
    { ...A, ingress: [{ from: [{ podSelector: labelled('b') }] }], egress: [{ ports: tcp(80) }] },
    { port: 80, expect: intoA('x/b') },
    { port: 81, expect: [...outOfA(), ...intoA('x/b')] },
  ),
  [
    'nothing that the client may not send, whatever the server allows',
    [
      [
        [
          policy('out', { ...A, egress: [{ to: [{ ...space('y'), podSelector: labelled('a') }] }] }),
          policy('in-a', { in: 'y', ...A, ingress: [{ from: [{ ...space('x'), podSelector: labelled('a') }] }] }),
          policy('in-b', { in: 'y', podSelector: labelled('b'), ingress: [{ from: [{ ...space('x'), podSelector: labelled('a') }] }] }),
        ],
        [
          {
            expect: [
              ['x/a', '*', false],
              ['*', 'y/a', false],
              ['*', 'y/b', false],
              ['x/a', 'y/a', true],
            ],
          },
        ],
      ],
    ],
  ],
  only(
    'a protocol at any port',
    { ...A, ingress: [{ ports: [{ protocol: 'TCP' }] }] },
    { expect: [] },
    { protocol: 'UDP', expect: intoA() },
  ),
  [
    'all that one of several policies allows in',
    [
      [[policy('one', { ingress: [{ ports: tcp(80) }] })], [{ port: 81, expect: [['*', 'x/*', false]] }]],
      [[policy('one', { ingress: [{ ports: tcp(80) }] }), policy('all', { ingress: [{}] })], [{ port: 81, expect: [] }]],
    ],
  ],
  [
    'all that one of several policies allows out, and all again once they are gone',
    [
      [[policy('one', { egress: [{ ports: tcp(80) }] })], [{ port: 81, expect: [['x/*', '*', false]] }]],
      [[policy('one', { egress: [{ ports: tcp(80) }] }), policy('all', { egress: [{}] })], [{ port: 81, expect: [] }]],
      [[policy('none', { ingress: [], egress: [] })], [{ expect: CLOSED_X }]],
      [[], [{ expect: [] }]],
    ],
  ],
  only('an address', { ...A, egress: [{ to: [{ ipBlock: { cidr: `${ipOf('y/b')}/32` } }] }] }, { expect: outOfA('y/b') }),
  [
    'a network without an address, until another policy allows that one',
    [
      [
        [policy('one', { ...A, egress: [{ to: [{ ipBlock: { cidr: '10.244.0.0/24', except: [`${ipOf('x/b')}/32`] } }] }] })],
        [{ expect: [['x/a', 'x/b', false]] }],
      ],
      [
        [
          policy('one', { ...A, egress: [{ to: [{ ipBlock: { cidr: '10.244.0.0/24', except: [`${ipOf('x/b')}/32`] } }] }] }),
          policy('two', { ...A, egress: [{ to: [{ ipBlock: { cidr: `${ipOf('x/b')}/32` } }] }] }),
        ],
        [{ expect: [] }],
      ],
    ],
  ],
  [
    'each direction for itself',
    [
      [[policy('out', { ...A, egress: [{}] })], [{ expect: [] }]],
      [[policy('out', { ...A, egress: [{}] }), policy('in', { ...A, ingress: [] })], [{ expect: intoA() }]],
    ],
  ],
  [
    'no TCP where SCTP is allowed',
    [
      [
        [DENY, policy('sctp', { ...A, ingress: [{ ports: [{ protocol: 'SCTP', port: 81 }] }] })],
        [{ port: 81, expect: [['*', 'x/*', false]] }],
      ],
    ],
  ],
  only(
    'no TCP where UDP is allowed',
    { ...A, ingress: [{ ports: [{ protocol: 'UDP', port: 81 }] }] },
    { port: 81, expect: intoA() },
    { port: 81, protocol: 'UDP', expect: [] },
  ),
  only(
    'UDP from a namespace',
    { ...A, ingress: [{ from: [space('y')], ports: [{ protocol: 'UDP', port: 80 }] }] },
    { protocol: 'UDP', expect: intoA('y/*') },
  ),
] as readonly (readonly [string, readonly Step[]])[]) {
  test(`NetworkPolicies let through ${name}`, async () => {
    for (const [wanted, looks] of steps) {
      for (const old of [...policies.list()]) if (!wanted.some(({ metadata }) => metadata.name === old.metadata.name)) policies.remove(old);
      for (const each of wanted) policies.put({ ...each, metadata: { ...each.metadata, ...next() } });
      for (const look of looks) await check(look);
    }
  });
}

test('NetworkPolicies follow the labels of namespaces and pods, of those who ask and of those who are asked', async () => {
  const hold = (...wanted: readonly NetworkPolicy[]): void => {
    for (const old of [...policies.list()]) policies.remove(old);
    for (const each of wanted) policies.put(each);
  };
  hold(policy('one', { ...A, ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns2: 'updated' } } }] }] }));
  await check({ expect: intoA() });
  namespaces.put(namespaceOf('y', { ns2: 'updated' }));
  await check({ expect: intoA('y/*') });
  namespaces.put(namespaceOf('y'));
  await check({ expect: intoA() });
  hold(policy('one', { ...A, ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b', pod2: 'updated' } } }] }] }));
  await check({ expect: intoA() });
  pods.put(podOf('x/b', { pod2: 'updated' }));
  await check({ expect: intoA('x/b') });
  hold(policy('one', { podSelector: { matchLabels: { target: 'isolated' } }, ingress: [] }));
  await check({ expect: [] });
  pods.put(podOf('x/a', { target: 'isolated' }));
  await check({ expect: intoA() });
});

test('NetworkPolicies know SCTP from TCP and UDP of the same port', async () => {
  const [server, client] = ['x/a', 'y/a'].map((name) => spaces.get(name) as NetworkNamespace) as [NetworkNamespace, NetworkNamespace];
  const seen = await sctpServer(server);
  for (const old of [...policies.list()]) policies.remove(old);
  policies.put(policy('one', { ...A, ingress: [{ ports: [{ protocol: 'SCTP', port: 81 }, ...tcp(80)] }] }));
  await check({ port: 80, expect: [] });
  for (const port of [80, 81]) await sctpAsk(client, ipOf('x/a'), port);
  await seen.line(/ 81 whole$/); // had the one before been let through, it would have come first
  assert.doesNotMatch(seen.output, / 80 /);
  policies.put({
    ...policy('one', { ...A, ingress: [{ ports: [{ protocol: 'SCTP' }] }] }),
    metadata: { name: 'one', namespace: 'x', ...next() },
  } as NetworkPolicy);
  await check({ port: 80, expect: intoA() });
  await sctpAsk(client, ipOf('x/a'), 80);
  await seen.line(/ 80 whole$/);
});
