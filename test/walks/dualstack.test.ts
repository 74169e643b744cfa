// A cluster of both families on two nodes, as clients in pods and on the nodes see it: pods' two addresses, Services of every
// family policy, names, network policies. Follows upstream's test/e2e/network/dual_stack.go.
import { MACHINE, MACHINE6, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { isIpv6 } from '#apimachinery/ip.ts';
import { endpoints, endpointslices, ipaddresses, networkpolicies, nodes, servicecidrs, services } from '#api/resources.ts';
import type { NetworkPolicy, New, Service } from '#api/types.ts';
import { succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { type AgentPod, importAgentImage, startAgents, urlHost } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';

const cluster = await startCluster({ after }, ['--nodes', '2', '--ip-family', 'dual'], { connect: 'both' });
await importAgentImage(cluster);
const pods = await podSet({ after }, cluster, 'sea');
const { client: api, namespace } = pods;
const all = (await api.list(nodes)).items;
const NODES = all.map(({ status }) => (status.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address));

const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const container = (name: string, more: object) => ({ spec: { nodeName: name, ...more } });
const [near, far, client, farClient, nodeClient] = (await startAgents(pods, [
  { name: 'near', node: 'boat', labels: { app: 'web' } },
  { name: 'admiral', node: 'boat-2', labels: { app: 'web' }, spec: { hostname: 'admiral', subdomain: 'fleet' } },
  { name: 'client', node: 'boat', labels: { app: 'client' } },
  { name: 'far-client', node: 'boat-2' },
  { name: 'node', ...container('boat', { hostNetwork: true }) },
])) as [AgentPod, AgentPod, AgentPod, AgentPod, AgentPod];

const BOTH = new Set([near.name, far.name]);
const WEB = { selector: { app: 'web' } };
const http = { name: 'http', port: 80, targetPort: 8080 };
const udp = { name: 'udp', port: 80, targetPort: 8081, protocol: 'UDP' };

const create = (name: string, spec: object): Promise<Service> => pods.create(services, { metadata: { name }, spec } as New<Service>);
const patch = (name: string, spec: object): Promise<Service> => api.patch(services, { name, namespace }, { type: 'merge', body: { spec } });
const ipsOf = ({ spec }: Service): readonly string[] => spec.clusterIPs ?? [];
const settled = ({ spec }: Service) => [
  spec.ipFamilyPolicy,
  spec.ipFamilies,
  ipsOf({ spec } as Service).map((ip) => (isIpv6(ip) ? 'IPv6' : 'IPv4')),
];

const reaches = (from: AgentPod, host: string, port: number, who: ReadonlySet<string>): Promise<void> =>
  eventually(async () => {
    const seen = new Set(await from.ask(`http://${urlHost(host)}:${port}/hostname`, { times: 20 }));
    assert.deepEqual(seen, who, `${from.name} asks ${host} ${port}`);
  });
const reachesUdp = (from: AgentPod, host: string, port: number, who: ReadonlySet<string>): Promise<void> =>
  eventually(async () => assert.deepEqual(new Set(await from.udp(host, port, 20)), who, `${from.name} asks ${host} ${port} over UDP`));
const answers = (from: AgentPod, host: string, port: number, text: string, path = 'hostname'): Promise<void> =>
  eventually(async () =>
    assert.deepEqual(await from.ask(`http://${urlHost(host)}:${port}/${path}`), [text], `${from.name} asks ${host} ${port}`),
  );

test('every node has an address and a pod network of each family', () => {
  assert.deepEqual(
    all.map(({ spec }) => spec.podCIDRs),
    [
      ['10.244.0.0/24', 'fd00:10:244::/64'],
      ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    ],
  );
  assert.deepEqual(NODES, [
    ['10.89.0.1', 'fd00:10:89::1'],
    ['10.89.0.2', 'fd00:10:89::2'],
  ]);
});

test('the server answers at both addresses of the machine, with a certificate for both', async () => {
  for (const address of [MACHINE, MACHINE6, '10.89.0.1', 'fd00:10:89::1'])
    await cluster.kubectl.succeed(['get', '--raw', '/readyz', '--server', `https://${urlHost(address)}:6443`]);
});

test('a pod has an address of each family, and is told of both', async () => {
  const { status } = far.pod;
  assert.deepEqual([status.podIP, status.podIPs?.[0]?.ip], [far.ip, far.ip]);
  assert.deepEqual([isIpv6(far.ip), isIpv6(far.ip2), status.podIPs?.length], [false, true, 2]);
  assert.deepEqual(
    status.hostIPs?.map(({ ip }) => ip),
    NODES[1],
  );
  assert.deepEqual(
    nodeClient.pod.status.podIPs?.map(({ ip }) => ip),
    NODES[0],
  );
  const env = [field('PODS', 'status.podIPs'), field('HOSTS', 'status.hostIPs'), field('POD', 'status.podIP')];
  const told = {
    name: 'main',
    image: 'example.test/agent:1',
    imagePullPolicy: 'Never' as const,
    command: ['sh', '-c', 'echo $POD $PODS $HOSTS'],
    env,
  };
  const { status: own } = await pods.run('told', { nodeName: 'boat', restartPolicy: 'Never', containers: [told as never] });
  assert.equal(own.podIP, undefined);
  const written = await pods.output('told');
  const { status: ended } = await pods.until('told', ({ status: now }) => now.podIPs !== undefined);
  const ips = (ended.podIPs ?? []).map(({ ip }) => ip);
  assert.equal(written.trim(), `${ips[0]} ${ips.join(',')} ${(NODES[0] ?? []).join(',')}`);
  const hosts = await far.get('/file?path=/etc/hosts');
  for (const ip of [far.ip, far.ip2])
    assert.match(hosts, new RegExp(String.raw`^${ip}\tadmiral\.fleet\.sea\.svc\.cluster\.local\tadmiral$`, 'm'));
  assert.match(await far.get('/file?path=/etc/resolv.conf'), /^nameserver 10\.96\.0\.10$/m);
});

test('pods reach each other in both families, on one node and across, under their own addresses', async () => {
  for (const from of [near, far, client, farClient]) {
    for (const to of [near, far, client]) {
      for (const ip of [to.ip, to.ip2]) {
        await answers(from, ip, 8080, to.name);
        await reachesUdp(from, ip, 8081, new Set([to.name]));
      }
      await answers(from, to.ip2, 8080, from.ip2, 'client');
    }
  }
  await answers(nodeClient, far.ip2, 8080, far.name);
});

describe('Services', { concurrency: true }, () => {
  test('the Service kubernetes is of the first family alone', async () => {
    const kubernetes = await api.get(services, { name: 'kubernetes', namespace: 'default' });
    assert.deepEqual(settled(kubernetes), ['SingleStack', ['IPv4'], ['IPv4']]);
    assert.deepEqual((await api.get(servicecidrs, { name: 'kubernetes' })).spec.cidrs, ['10.96.0.0/12', 'fd00:10:96::/112']);
  });

  for (const [name, spec, expected] of [
    ['plain', {}, ['SingleStack', ['IPv4'], ['IPv4']]],
    ['four', { ipFamilies: ['IPv4'] }, ['SingleStack', ['IPv4'], ['IPv4']]],
    ['six', { ipFamilies: ['IPv6'] }, ['SingleStack', ['IPv6'], ['IPv6']]],
    ['wants', { ipFamilyPolicy: 'PreferDualStack' }, ['PreferDualStack', ['IPv4', 'IPv6'], ['IPv4', 'IPv6']]],
    [
      'four-six',
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] },
      ['RequireDualStack', ['IPv4', 'IPv6'], ['IPv4', 'IPv6']],
    ],
    [
      'six-four',
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] },
      ['RequireDualStack', ['IPv6', 'IPv4'], ['IPv6', 'IPv4']],
    ],
  ] as const) {
    test(`a Service "${name}" has the families it asks for, serves in each, and its Endpoints are of the first`, async () => {
      const service = await create(name, { ...WEB, type: 'NodePort', ports: [http, { ...udp, nodePort: undefined }], ...spec });
      assert.deepEqual(settled(service), expected);
      const port = service.spec.ports?.[0]?.nodePort ?? 0;
      for (const ip of ipsOf(service)) {
        const { spec: held, metadata } = await api.get(ipaddresses, { name: ip });
        assert.deepEqual(held.parentRef, { resource: 'services', namespace, name });
        assert.equal(metadata.labels?.['ipaddress.kubernetes.io/ip-family'], isIpv6(ip) ? 'IPv6' : 'IPv4');
        for (const from of [client, farClient, near, nodeClient]) {
          await reaches(from, ip, 80, BOTH);
          await reachesUdp(from, ip, 80, BOTH);
          const at = isIpv6(ip) ? 1 : 0;
          for (const node of NODES) await reaches(from, node[at] ?? '', port, BOTH);
        }
      }
      const labelSelector = `kubernetes.io/service-name=${name}`;
      await eventually(async () => {
        const { items } = await api.list(endpointslices, { namespace, labelSelector });
        assert.deepEqual(items.map(({ addressType }) => addressType).toSorted(), [...expected[1]].toSorted());
        for (const { addressType, endpoints: found } of items) {
          assert.deepEqual(
            new Set((found ?? []).flatMap(({ addresses }) => addresses)),
            new Set(addressType === 'IPv6' ? [near.ip2, far.ip2] : [near.ip, far.ip]),
          );
        }
        const { subsets = [] } = await api.get(endpoints, { name, namespace });
        assert.deepEqual(
          new Set(subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))),
          new Set(expected[1][0] === 'IPv6' ? [near.ip2, far.ip2] : [near.ip, far.ip]),
        );
      });
    });
  }

  test('a Service takes a second family on and gives it back while it serves', async () => {
    const one = await create('grows', { ...WEB, ports: [http] });
    const [first = ''] = ipsOf(one);
    const two = await patch('grows', { ipFamilyPolicy: 'PreferDualStack' });
    assert.deepEqual(settled(two), ['PreferDualStack', ['IPv4', 'IPv6'], ['IPv4', 'IPv6']]);
    const [same, second = ''] = ipsOf(two);
    assert.equal(same, first);
    for (const ip of [first, second]) await reaches(farClient, ip, 80, BOTH);
    await assert.rejects(
      patch('grows', { ipFamilies: ['IPv4'], clusterIPs: [first] }),
      /must be 'SingleStack' to release the secondary cluster IP/,
    );
    const back = await patch('grows', { ipFamilyPolicy: 'SingleStack' });
    assert.deepEqual(settled(back), ['SingleStack', ['IPv4'], ['IPv4']]);
    await assert.rejects(api.get(ipaddresses, { name: second }), /not found/);
    await reaches(farClient, first, 80, BOTH);
    await eventually(async () => assert.notDeepEqual(await client.ask(`http://[${second}]/hostname`), ['near']));
  });

  test('a Service without endpoints refuses at once in both families', async () => {
    const empty = await create('empty', { selector: { app: 'nobody' }, ipFamilyPolicy: 'RequireDualStack', ports: [http] });
    for (const ip of ipsOf(empty)) {
      for (const from of [client, nodeClient])
        await eventually(async () => assert.deepEqual(await from.ask(`http://${urlHost(ip)}/`), ['ECONNREFUSED'], `${from.name} ${ip}`));
    }
  });

  test('a pod reaches itself through its Service, client affinity holds, and a Local policy keeps the client, over IPv6', async () => {
    const six = { ipFamilies: ['IPv6'], ports: [http] };
    const self = await create('self', { ...six, selector: { app: 'client' } });
    await answers(client, ipsOf(self)[0] ?? '', 80, 'client');
    const sticky = await create('sticky', { ...six, ...WEB, sessionAffinity: 'ClientIP' });
    await eventually(async () => {
      const who = new Set(await client.ask(`http://[${ipsOf(sticky)[0]}]/hostname`, { times: 20 }));
      assert.ok(who.size === 1 && who.isSubsetOf(BOTH), [...who].join(' '));
    });
    const local = await create('local', { ...six, selector: { app: 'client' }, type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    const health = async (node: string): Promise<unknown> => (await fetch(`http://[${node}]:${local.spec.healthCheckNodePort}/`)).status;
    await eventually(async () => assert.equal(await health('fd00:10:89::1'), 200));
    await eventually(async () => assert.equal(await health('fd00:10:89::2'), 503));
    await answers(nodeClient, 'fd00:10:89::1', local.spec.ports?.[0]?.nodePort ?? 0, 'client');
    const status = { loadBalancer: { ingress: [{ ip: '2001:db8:9::9' }] } };
    await api.patch(services, { name: 'local', namespace }, { type: 'merge', body: { status } }, { subresource: 'status' });
    for (const from of [near, farClient]) await answers(from, '2001:db8:9::9', 80, 'client');
    await patch('local', { loadBalancerSourceRanges: ['2001:db8:1::/48'] });
    await eventually(async () => assert.deepEqual(await farClient.ask('http://[2001:db8:9::9]/hostname'), ['TIMEOUT']));
  });

  test('host ports are served in both families', async () => {
    await startAgents(pods, [{ name: 'port', node: 'boat-2', ports: [{ containerPort: 8080, hostPort: 54_323 }] }]);
    for (const address of NODES[1] ?? []) await answers(client, address, 54_323, 'port');
  });
});

/** The name under ip6.arpa. */
const reverse = (full: string): string =>
  `${full
    .split(':')
    .flatMap((group) => [...group.padStart(4, '0')])
    .toReversed()
    .join('.')}.ip6.arpa`;

/** All eight groups. */
function expanded(ip: string): string {
  const [head = '', tail = ''] = ip.split('::');
  const [front, back] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - (front?.length ?? 0) - (back?.length ?? 0) }, () => '0');
  return [...(front ?? []), ...zeros, ...(back ?? [])].join(':');
}

test('names have addresses of both families, and addresses of both have names', async () => {
  const named = await create('named', { ...WEB, ipFamilyPolicy: 'RequireDualStack', ports: [http] });
  const full = `named.${namespace}.svc.cluster.local`;
  const [v4 = '', v6 = ''] = ipsOf(named);
  for (const from of [client, farClient]) {
    await eventually(async () => assert.equal(await from.lookup('named', 4), v4));
    assert.equal(await from.lookup('named', 6), v6);
  }
  assert.deepEqual(await client.resolve('AAAA', full), [v6]);
  assert.deepEqual(await client.resolve('PTR', reverse(expanded(v6))), [full]);
  assert.deepEqual(await client.resolve('SRV', `_http._tcp.${full}`), [{ type: 'SRV', name: full, port: 80, priority: 0, weight: 50 }]);

  const fleet = await create('fleet', { ...WEB, clusterIP: 'None', ipFamilyPolicy: 'PreferDualStack', ports: [http] });
  assert.deepEqual([fleet.spec.clusterIPs, fleet.spec.ipFamilies], [['None'], ['IPv4', 'IPv6']]);
  const crew = `fleet.${namespace}.svc.cluster.local`;
  await eventually(async () => {
    const [a, aaaa] = (await Promise.all(['A', 'AAAA'].map((type) => client.resolve(type, crew)))) as [string[], string[]];
    assert.deepEqual([new Set(a), new Set(aaaa)], [new Set([near.ip, far.ip]), new Set([near.ip2, far.ip2])]);
  });
  assert.deepEqual(await client.resolve('AAAA', `admiral.${crew}`), [far.ip2]);
  const known = (await client.resolve('PTR', reverse(expanded(far.ip2)))) as readonly string[];
  assert.ok(known.includes(`admiral.${crew}`), known.join(' '));
  assert.deepEqual(await client.resolve('AAAA', 'kubernetes.default.svc.cluster.local'), 'ENODATA');
});

test('a network policy holds in both families, and an IPv6 block lets in who is in it', async () => {
  const policy = (spec: object): Promise<unknown> =>
    pods.create(networkpolicies, {
      metadata: { name: 'web' },
      spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ...spec },
    } as New<NetworkPolicy>);
  const open = (from: AgentPod, to: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await from.ask(`http://${urlHost(to)}:8080/client`), [isIpv6(to) ? from.ip2 : from.ip]));
  const shut = (from: AgentPod, to: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await from.ask(`http://${urlHost(to)}:8080/client`), ['TIMEOUT'], `${from.name} asks ${to}`));
  await policy({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] });
  for (const ip of [near.ip, near.ip2, far.ip, far.ip2]) {
    await shut(farClient, ip);
    await open(client, ip);
  }
  await api.delete(networkpolicies, { name: 'web', namespace });
  for (const ip of [near.ip, near.ip2]) await open(farClient, ip);
  const block = (more: object): Promise<unknown> => policy({ ingress: [{ from: [{ ipBlock: { cidr: 'fd00:10:244:1::/64', ...more } }] }] });
  await block({});
  for (const ip of [near.ip, far.ip]) for (const from of [client, farClient]) await shut(from, ip);
  for (const ip of [near.ip2, far.ip2]) {
    await shut(client, ip);
    await open(farClient, ip);
  }
  await api.delete(networkpolicies, { name: 'web', namespace });
  await block({ except: [`${farClient.ip2}/128`] });
  for (const ip of [near.ip2, far.ip2]) await shut(farClient, ip);
  await api.delete(networkpolicies, { name: 'web', namespace });
  for (const ip of [near.ip, near.ip2]) await open(client, ip);
});

test('proa reset takes the rules, addresses and routes of both families away', async () => {
  await cluster.proa('reset', '--yes');
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth|proa/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(await succeed('ip', ['-6', 'route']), /fd00/);
});
