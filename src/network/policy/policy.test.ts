import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Namespace, NetworkPolicy, NetworkPolicySpec, Pod } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { eventually } from '#test/harness/eventually.ts';
import { networkNamespace } from '#test/harness/netns.ts';
import { defer } from '#test/harness/scope.ts';
import { namespaceMatters, planPolicies, podMatters } from './plan.ts';
import { Policies } from './policies.ts';
import { noRules, type PolicyRules, policyChanges, wholePolicyTable } from './rules.ts';

const namespace = (name: string, labels: object = {}): Namespace => ({ metadata: { name, labels } }) as unknown as Namespace;
const NAMESPACES = [namespace('shop', { team: 'sales' }), namespace('bank', { team: 'money' })];

/** Its address ends with `number`, its port named `web` is 8000 and that number. */
function pod(
  name: string,
  number: number,
  labels: object = {},
  more: { readonly node?: string; readonly phase?: string; readonly in?: string } = {},
): Pod {
  const { node = 'here', phase = 'Running', in: space = 'shop' } = more;
  const ports = [{ name: 'web', containerPort: 8000 + number, protocol: 'TCP' }];
  return {
    metadata: { name, namespace: space, labels },
    spec: { nodeName: node, containers: [{ name: 'c', ports }] },
    status: { phase, podIP: `10.244.0.${number}` },
  } as unknown as Pod;
}

const PODS = [
  pod('db', 1, { app: 'db' }),
  pod('web', 2, { app: 'web' }, { node: 'there' }),
  pod('job', 3, { app: 'web' }, { node: 'there', phase: 'Succeeded' }),
  pod('bank', 4, { app: 'web' }, { node: 'there', in: 'bank' }),
];

const policy = (spec: Partial<NetworkPolicySpec>, name = 'one'): NetworkPolicy =>
  ({
    metadata: { name, namespace: 'shop' },
    spec: { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'], ...spec },
  }) as NetworkPolicy;

const plan = (...policies: readonly NetworkPolicy[]): PolicyRules =>
  planPolicies({ family: 'IPv4', nodeName: 'here', policies, pods: PODS, namespaces: NAMESPACES });

/** Lines of the chain of this address, with the elements of sets in place of their names. */
function linesFor(rules: PolicyRules, direction: 'ingress' | 'egress', ip: string): readonly string[] | undefined {
  const chain = rules.isolated[direction].get(ip);
  if (chain === undefined) return undefined;
  return rules.chains
    .get(chain)
    ?.map((line) => line.replace(/@(\S+)/, (_, set: string) => `[${[...(rules.sets.get(set)?.elements ?? [])].join(' ')}]`));
}

const web = { podSelector: { matchLabels: { app: 'web' } } };

for (const [name, spec, ingress, egress] of [
  ['denies all where it allows nothing', {}, ['drop']],
  ['allows all by an empty rule', { ingress: [{}] }, ['return', 'drop']],
  ['takes pods of its own namespace, but for those that ended', { ingress: [{ from: [web] }] }, ['ip saddr [10.244.0.2] return', 'drop']],
  [
    'takes pods of namespaces by label',
    { ingress: [{ from: [{ ...web, namespaceSelector: { matchLabels: { team: 'money' } } }] }] },
    ['ip saddr [10.244.0.4] return', 'drop'],
  ],
  [
    'takes all pods of all namespaces',
    { ingress: [{ from: [{ namespaceSelector: {} }] }] },
    ['ip saddr [10.244.0.1 10.244.0.2 10.244.0.4] return', 'drop'],
  ],
  [
    'takes a block without what is excepted',
    { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.1.2.0/24'] } }] }] },
    ['ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.1.2.0/24 return', 'drop'],
  ],
  ['lets no block of IPv6 in', { ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/8' } }] }] }, ['drop']],
  [
    'merges ports that overlap, by protocol',
    {
      ingress: [
        {
          ports: [
            { protocol: 'TCP', port: 80 },
            { protocol: 'TCP', port: 70, endPort: 90 },
            { protocol: 'UDP', port: 53 },
            { protocol: 'SCTP' },
          ],
        },
      ],
    },
    ['meta l4proto . th dport { sctp . 0-65535, tcp . 70-90, udp . 53 } return', 'drop'],
  ],
  [
    'finds a named port in the pod itself',
    { ingress: [{ ports: [{ protocol: 'TCP', port: 'web' }] }] },
    ['meta l4proto . th dport { tcp . 8001 } return', 'drop'],
  ],
  ['allows nothing by a name that the pod has not', { ingress: [{ ports: [{ protocol: 'TCP', port: 'none' }] }] }, ['drop']],
  [
    'finds a named port on the way out in each peer',
    { policyTypes: ['Egress'], egress: [{ to: [web], ports: [{ protocol: 'TCP', port: 'web' }] }] },
    undefined,
    ['ip daddr . meta l4proto . th dport [10.244.0.2 . tcp . 8002] return', 'drop'],
  ],
  [
    'looks at both directions',
    { policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [web] }], egress: [{ to: [web], ports: [{ protocol: 'UDP', port: 53 }] }] },
    ['ip saddr [10.244.0.2] return', 'drop'],
    ['ip daddr [10.244.0.2] meta l4proto . th dport { udp . 53 } return', 'drop'],
  ],
] as const satisfies readonly (readonly [string, Partial<NetworkPolicySpec>, readonly string[] | undefined, (readonly string[])?])[]) {
  test(`planPolicies ${name}`, () => {
    const rules = plan(policy(spec));
    assert.deepEqual([linesFor(rules, 'ingress', '10.244.0.1'), linesFor(rules, 'egress', '10.244.0.1')], [ingress, egress]);
  });
}

test('planPolicies joins what several policies allow, and isolates no pod of another node or namespace, nor one that none selects', () => {
  const all = { podSelector: {} };
  const rules = plan(
    policy({ ...all, ingress: [{ from: [web] }] }),
    policy({ ...all, ingress: [{ ports: [{ protocol: 'TCP', port: 80 }] }] }, 'two'),
  );
  assert.deepEqual(linesFor(rules, 'ingress', '10.244.0.1'), [
    'ip saddr [10.244.0.2] return',
    'meta l4proto . th dport { tcp . 80 } return',
    'drop',
  ]);
  assert.deepEqual([[...rules.isolated.ingress.keys()], [...rules.isolated.egress.keys()]], [['10.244.0.1'], []]);
  assert.deepEqual(plan(policy({ podSelector: { matchLabels: { app: 'other' } } })).isolated, noRules('IPv4').isolated);
});

test('planPolicies of IPv6 isolates pods by their addresses of it, and takes its blocks alone', () => {
  const two = PODS.map((each, i) => ({
    ...each,
    status: { ...each.status, podIPs: [{ ip: each.status.podIP }, { ip: `fd00:244::${i + 1}` }] },
  })) as Pod[];
  const rules = planPolicies({
    family: 'IPv6',
    nodeName: 'here',
    policies: [
      policy({
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [web, { ipBlock: { cidr: 'fd00::/8', except: ['fd00:1::/32'] } }, { ipBlock: { cidr: '10.0.0.0/8' } }] }],
        egress: [{ to: [web], ports: [{ protocol: 'TCP', port: 'web' }] }],
      }),
    ],
    pods: two,
    namespaces: NAMESPACES,
  });
  assert.deepEqual(linesFor(rules, 'ingress', 'fd00:244::1'), [
    'ip6 saddr [fd00:244::2] return',
    'ip6 saddr fd00::/8 ip6 saddr != fd00:1::/32 return',
    'drop',
  ]);
  assert.deepEqual(linesFor(rules, 'egress', 'fd00:244::1'), [
    'ip6 daddr . meta l4proto . th dport [fd00:244::2 . tcp . 8002] return',
    'drop',
  ]);
  assert.deepEqual([...rules.isolated.ingress.keys()], ['fd00:244::1']);
});

test('the kernel takes the rules of IPv6, whole and by changes', async () => {
  const apply = (script: string): Promise<string> => succeed('nft', ['-f', '-'], { input: script });
  const sixth = PODS.map((each, i) => ({ ...each, status: { ...each.status, podIP: `fd00:244::${i + 1}` } })) as Pod[];
  const of = (spec: Partial<NetworkPolicySpec>): PolicyRules =>
    planPolicies({ family: 'IPv6', nodeName: 'here', policies: [policy(spec)], pods: sixth, namespaces: NAMESPACES });
  const rich = of({
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from: [web, { ipBlock: { cidr: '::/0', except: ['fd00::/8'] } }], ports: [{ protocol: 'UDP', port: 1, endPort: 9 }] }],
    egress: [{ to: [web], ports: [{ protocol: 'TCP', port: 'web' }] }],
  });
  await apply(wholePolicyTable(noRules('IPv6')));
  const empty = await succeed('nft', ['list', 'table', 'ip6', 'proa-policy']);
  assert.match(empty, /icmpv6 type \{ mld-listener-query-nd-redirect, mld2-listener-report \} accept|nd-neighbor-solicit|130-137/);
  await apply(policyChanges(noRules('IPv6'), rich));
  await apply(policyChanges(rich, of({})));
  await apply(policyChanges(of({}), noRules('IPv6')));
  assert.equal(await succeed('nft', ['list', 'table', 'ip6', 'proa-policy']), empty);
  await apply(wholePolicyTable(rich));
});

test('policyChanges writes elements where only the pods of a peer changed, and the kernel takes every step', async () => {
  const apply = (script: string): Promise<string> => succeed('nft', ['-f', '-'], { input: script });
  const listed = (): Promise<string> => succeed('nft', ['list', 'table', 'ip', 'proa-policy']);
  const rich = policy({
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        from: [web, { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }],
        ports: [
          { protocol: 'TCP', port: 80 },
          { protocol: 'UDP', port: 1, endPort: 9 },
        ],
      },
    ],
    egress: [{ to: [web], ports: [{ protocol: 'TCP', port: 'web' }] }],
  });
  const first = plan(rich);
  await apply(wholePolicyTable(noRules('IPv4')));
  const empty = await listed();
  await apply(policyChanges(noRules('IPv4'), first));
  const more = planPolicies({
    family: 'IPv4',
    nodeName: 'here',
    policies: [rich],
    pods: [...PODS, pod('more', 9, { app: 'web' })],
    namespaces: NAMESPACES,
  });
  const script = policyChanges(first, more);
  assert.match(
    script,
    /^add element ip proa-policy pods-\w+ \{ 10\.244\.0\.9 \}\nadd element ip proa-policy ports-\w+ \{ 10\.244\.0\.9 \. tcp \. 8009 \}\n$/,
  );
  await apply(script);
  assert.equal(policyChanges(more, more), '');
  const denied = plan(policy({}));
  await apply(policyChanges(more, denied));
  assert.match(await listed(), /elements = \{ 10\.244\.0\.1 : jump ingress-\w+ \}/);
  await apply(policyChanges(denied, noRules('IPv4')));
  assert.equal(await listed(), empty);
  await apply(wholePolicyTable(first));
});

test('only what a rule can tell of a pod or a namespace makes a new plan', () => {
  const db = pod('db', 1, { app: 'db' });
  const ready = { ...db, status: { ...db.status, conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Pod;
  assert.equal(podMatters(ready, db), false);
  for (const [what, other] of [
    ['label', pod('db', 1, { app: 'web' })],
    ['address', pod('db', 2, { app: 'db' })],
    ['node', pod('db', 1, { app: 'db' }, { node: 'there' })],
    ['end', pod('db', 1, { app: 'db' }, { phase: 'Failed' })],
    ['another of its name', { ...db, metadata: { ...db.metadata, uid: 'other' } }],
  ] as const)
    assert.equal(podMatters(other, db), true, what);
  assert.equal(namespaceMatters({ ...namespace('a', { b: 'c' }), status: { phase: 'Terminating' } }, namespace('a', { b: 'c' })), false);
  assert.equal(namespaceMatters(namespace('a', { b: 'd' }), namespace('a', { b: 'c' })), true);
});

test('Policies follows a pod that changes for its rules, and writes its rules anew when somebody removed them', async () => {
  const pods = fakeInformer(...PODS);
  const clock = new ManualClock();
  const stop = new AbortController();
  const policies = new Policies({
    policies: fakeInformer(policy({})),
    peers: () => ({ pods, namespaces: fakeInformer(...NAMESPACES) }),
    nodeName: 'here',
    families: ['IPv4'],
    clock,
    logger: silentLogger,
  });
  const running = policies.run(stop.signal);
  const held = (): Promise<void> =>
    eventually(async () => assert.match(await succeed('nft', ['list', 'map', 'ip', 'proa-policy', 'ingress']), /10\.244\.0\.1 : jump/));
  await held();
  for (const command of [
    'flush ruleset',
    'flush table ip proa-policy',
    'flush chain ip proa-policy input',
    'flush map ip proa-policy ingress',
    'delete element ip proa-policy ingress { 10.244.0.1 }',
    'flush set ip proa-policy self',
  ]) {
    await succeed('nft', [command]);
    await eventually(async () => assert.ok(clock.pending > 0)); // it rests
    clock.advance(10_000);
    await held();
    await eventually(async () => assert.match(await succeed('nft', ['list', 'chain', 'ip', 'proa-policy', 'forward']), /vmap @ingress/));
  }
  const moved = pod('db', 9, { app: 'db' });
  pods.put({ ...moved, metadata: { ...moved.metadata, resourceVersion: '2' } });
  await eventually(async () => assert.match(await succeed('nft', ['list', 'map', 'ip', 'proa-policy', 'ingress']), /10\.244\.0\.9 : jump/));
  stop.abort();
  await running;
});

test('what a pod may not send it may not send to its own node either, but for questions to the DNS server there', async (t) => {
  const [POD, BRIDGE, NODE] = ['10.244.0.1', '10.244.0.254', '192.0.2.1'];
  const space = await networkNamespace(t);
  await succeed('ip', ['link', 'add', 'bridge', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space.name]);
  for (const address of [`${BRIDGE}/24`, `${NODE}/32`])
    await succeed('ip', ['address', 'add', address, 'dev', address === `${NODE}/32` ? 'lo' : 'bridge']);
  for (const link of ['lo', 'bridge']) await succeed('ip', ['link', 'set', link, 'up']);
  await space.succeed('ip', ['address', 'add', `${POD}/24`, 'dev', 'eth0']);
  await space.succeed('ip', ['link', 'set', 'eth0', 'up']);
  await space.succeed('ip', ['route', 'add', 'default', 'via', BRIDGE]);
  for (const port of [53, 80]) {
    const server = createServer((_, response) => void response.end(String(port))).listen(port, '0.0.0.0');
    await once(server, 'listening');
    defer(t, () => void server.close());
  }
  const PROGRAM = `
    const request = require('node:http').get(process.argv[1], { agent: false, timeout: 2000 }, (answer) => answer.pipe(process.stdout));
    request.on('timeout', () => request.destroy(new Error())).on('error', () => console.log('nothing'));
  `;
  const ask = async (host: string, port: number): Promise<string> =>
    (await space.succeed(process.execPath, ['-e', PROGRAM, `http://${host}:${port}/`])).trim();
  const under = async (...policies: readonly NetworkPolicy[]): Promise<void> =>
    void (await succeed('nft', ['-f', '-'], { input: wholePolicyTable(plan(...policies)) }));
  const egress = { policyTypes: ['Egress'] } as const;

  await under();
  assert.deepEqual([await ask(NODE, 80), await ask(BRIDGE, 80)], ['80', '80']);
  await under(policy(egress));
  assert.deepEqual([await ask(NODE, 80), await ask(BRIDGE, 80), await ask(NODE, 53)], ['nothing', 'nothing', 'nothing']);
  assert.equal(await ask(BRIDGE, 53), '53', 'names are always answered');
  await under(policy({ ...egress, egress: [{ to: [{ ipBlock: { cidr: `${NODE}/32` } }] }] }));
  assert.deepEqual([await ask(NODE, 80), await ask(BRIDGE, 80)], ['80', 'nothing']);
});
