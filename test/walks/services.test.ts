// Services on two nodes as clients in pods and on the nodes see them: real packets, of every kind of Service; their names;
// and the way to them through the API server.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { endpoints, endpointslices, nodes, pods as podResource, services } from '#api/resources.ts';
import type { Endpoints, EndpointSlice, New, Service } from '#api/types.ts';
import { createTestAuthority } from '#apiserver/testing/certificates.ts';
import { succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { addressOf, type AgentPod, importAgentImage, startAgents } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';

const cluster = await startCluster({ after }, ['--nodes', '2']);
await importAgentImage(cluster);
const pods = await podSet({ after }, cluster, 'sea');
const { client: api, namespace } = pods;
const [boat, boat2] = (await api.list(nodes)).items.map(addressOf) as [string, string];
const NODES = [boat, boat2];

const { certificate: cert, key } = await (await createTestAuthority(systemClock.now())).serving({ dns: [], ip: [] });
const [near, far, client, farClient, alone, nodeClient, farNodeClient] = (await startAgents(pods, [
  { name: 'near', node: 'boat', labels: { app: 'web', only: 'near' }, env: { TLS: JSON.stringify({ cert, key }) } },
  { name: 'far', node: 'boat-2', labels: { app: 'web' } },
  { name: 'client', node: 'boat' },
  {
    name: 'far-client',
    node: 'boat-2',
    labels: { crew: 'yes' },
    // By TCP, so that one client asks the cluster's DNS in each way.
    spec: { hostname: 'admiral', subdomain: 'fleet', dnsConfig: { options: [{ name: 'use-vc' }] } },
  },
  {
    name: 'alone',
    node: 'boat-2',
    spec: {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.53'], searches: ['port.example'], options: [{ name: 'ndots', value: '2' }] },
    },
  },
  { name: 'node', node: 'boat', spec: { hostNetwork: true } },
  { name: 'far-node', node: 'boat-2', spec: { hostNetwork: true } },
  { name: 'late', node: 'boat-2', labels: { app: 'late' }, unready: true },
])) as [AgentPod, AgentPod, AgentPod, AgentPod, AgentPod, AgentPod, AgentPod];

const BOTH = new Set(['near', 'far']);
const WEB = { selector: { app: 'web' } };
const http = { name: 'http', port: 80, targetPort: 8080 };
const udp = { name: 'udp', port: 80, targetPort: 8081, protocol: 'UDP' };

const create = (name: string, spec: object): Promise<Service> => pods.create(services, { metadata: { name }, spec } as New<Service>);
const patch = (name: string, spec: object): Promise<Service> => api.patch(services, { name, namespace }, { type: 'merge', body: { spec } });
const ipOf = (service: Service): string => service.spec.clusterIP ?? '';
const portOf = (service: Service): number => service.spec.ports?.[0]?.nodePort ?? 0;

/** Who answers at all when many ask at once. */
const seen = async (from: AgentPod, url: string): Promise<ReadonlySet<string>> => new Set(await from.ask(url, { times: 20 }));
const seenUdp = async (from: AgentPod, host: string, port: number): Promise<ReadonlySet<string>> => new Set(await from.udp(host, port, 20));

const reaches = (from: AgentPod, host: string, who: ReadonlySet<string>): Promise<void> =>
  eventually(async () => assert.deepEqual(await seen(from, `http://${host}/hostname`), who, `${from.name} asks ${host}`));
const reachesUdp = (from: AgentPod, host: string, port: number, who: ReadonlySet<string>): Promise<void> =>
  eventually(async () => assert.deepEqual(await seenUdp(from, host, port), who, `${from.name} asks ${host}:${port} over UDP`));
/** The kernel says so by ICMP, and only some times a second: one asks. */
const refused = (from: AgentPod, host: string): Promise<void> =>
  eventually(async () => assert.deepEqual(await from.ask(`http://${host}/`), ['ECONNREFUSED'], `${from.name} asks ${host}`));

const refusedUdp = (from: AgentPod, host: string, port: number): Promise<void> =>
  eventually(async () => assert.deepEqual(await from.udp(host, port), ['ECONNREFUSED'], `${from.name} asks ${host}:${port} over UDP`));

describe('Services', { concurrency: true }, () => {
  test('pods of both nodes reach each other, and nodes reach them, over HTTP and UDP', async () => {
    for (const from of [near, far, client, farClient, nodeClient, farNodeClient]) {
      for (const to of [near, far, client]) {
        assert.deepEqual(await from.ask(`http://${to.ip}:8080/hostname`), [to.name]);
        assert.deepEqual(await from.udp(to.ip, 8081), [to.name]);
      }
    }
    assert.deepEqual(await far.ask(`http://${near.ip}:8080/client`), [far.ip], 'no translation between pods');
  });

  test('a NodePort Service answers at its address, by its name and at every node, on one port number for TCP and UDP', async () => {
    const both = await create('both', {
      ...WEB,
      type: 'NodePort',
      ports: [
        { ...http, nodePort: 30_180 },
        { ...udp, nodePort: 30_180 },
        { name: 'more', port: 81, targetPort: 8081 },
      ],
    });
    for (const from of [client, farClient, near, nodeClient, farNodeClient]) {
      await reaches(from, ipOf(both), BOTH);
      await reaches(from, `${ipOf(both)}:81`, BOTH);
      await reachesUdp(from, ipOf(both), 80, BOTH);
      for (const node of NODES) {
        await reaches(from, `${node}:30180`, BOTH);
        await reachesUdp(from, node, 30_180, BOTH);
      }
    }
    for (const from of [client, farClient]) await reaches(from, 'both', BOTH);
  });

  test('a Service that gives one protocol of a port up serves the other', async () => {
    const service = await create('either', { ...WEB, ports: [http, udp] });
    await reaches(client, ipOf(service), BOTH);
    await reachesUdp(client, ipOf(service), 80, BOTH);
    await patch('either', { ports: [http] });
    await refusedUdp(client, ipOf(service), 80);
    await reaches(client, ipOf(service), BOTH);
    await patch('either', { ports: [udp] });
    await refused(client, ipOf(service));
    await reachesUdp(client, ipOf(service), 80, BOTH);
  });

  test('a pod reaches itself through its Service', async () => {
    const self = await create('self', { selector: { only: 'near' }, ports: [http] });
    await reaches(near, ipOf(self), new Set(['near']));
  });

  test('client affinity holds, at the address and at node ports, and is switched while the Service serves', async () => {
    const sticky = await create('sticky', { ...WEB, type: 'NodePort', sessionAffinity: 'ClientIP', ports: [http] });
    const hosts = [ipOf(sticky), ...NODES.map((node) => `${node}:${portOf(sticky)}`)];
    const sticks = async (): Promise<void> => {
      for (const host of hosts)
        await eventually(async () => {
          const who = await seen(client, `http://${host}/hostname`);
          assert.ok(who.size === 1 && who.isSubsetOf(BOTH), [...who].join(' '));
        });
    };
    await sticks();
    await patch('sticky', { sessionAffinity: 'None' });
    for (const host of hosts) await reaches(client, host, BOTH);
    await patch('sticky', { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } });
    await sticks();
    await eventually(async () => {
      const [first] = await client.ask(`http://${ipOf(sticky)}/hostname`);
      await wait(systemClock, 2_100); // the kernel forgets the client by its own clock
      const [second] = await client.ask(`http://${ipOf(sticky)}/hostname`);
      assert.deepEqual(new Set([first, second]), BOTH, 'after the timeout another endpoint may serve');
    });
  });

  test('a Service changes its type from and to ExternalName, and gives up what the type does not have', async () => {
    const name = `changes.${namespace}.svc.cluster.local`;
    const leadsTo = (target: string): Promise<void> =>
      eventually(async () => assert.deepEqual(await client.resolve('CNAME', name), [target]));
    const target = `other.${namespace}.svc.cluster.local`;
    await create('other', { ...WEB, ports: [http] });
    await create('changes', { type: 'ExternalName', externalName: 'elsewhere.example' });
    await leadsTo('elsewhere.example');
    await patch('changes', { externalName: target });
    await leadsTo(target);
    await reaches(client, name, BOTH);
    assert.deepEqual(await client.resolve('AAAA', name), [], 'the alias alone, and no denial');
    for (const type of ['ClusterIP', 'NodePort']) {
      const changed = await patch('changes', { type, externalName: null, ...WEB, ports: [{ ...http, port: 88 }] });
      await reaches(client, `${name}:88`, BOTH);
      assert.deepEqual(await client.resolve('A', name), [ipOf(changed)]);
      if (type === 'NodePort') for (const node of NODES) await reaches(client, `${node}:${portOf(changed)}`, BOTH);
      const back = await patch('changes', { type: 'ExternalName', externalName: target, clusterIP: null });
      assert.deepEqual([back.spec.clusterIP, back.spec.clusterIPs, back.spec.ports?.[0]?.nodePort], [undefined, undefined, undefined]);
      await leadsTo(target);
      if (type === 'NodePort') await refused(client, `${boat}:${portOf(changed)}`);
    }
  });

  test('a Service without endpoints refuses at once, from pods and at node ports, over TCP and UDP', async () => {
    const empty = await create('empty', { type: 'NodePort', selector: { app: 'nobody' }, ports: [http, { ...udp, nodePort: 30_190 }] });
    for (const host of [ipOf(empty), ...NODES.map((node) => `${node}:${portOf(empty)}`)]) await refused(farClient, host);
    await refusedUdp(client, ipOf(empty), 80);
    await refused(nodeClient, ipOf(empty));
  });

  test('an endpoint that is not ready is served where the Service publishes it', async () => {
    const service = await create('late', { selector: { app: 'late' }, ports: [http] });
    await refused(client, ipOf(service));
    await patch('late', { publishNotReadyAddresses: true });
    await reaches(client, ipOf(service), new Set(['late']));
  });

  test('a Service without selector serves what slices written by hand say: several addresses, several ports', async () => {
    const service = await create('manual', { ports: [http, { name: 'more', port: 81 }] });
    const slice = (name: string, port: object, ...addresses: readonly string[]): Promise<EndpointSlice> =>
      pods.create(endpointslices, {
        metadata: { name, labels: { 'kubernetes.io/service-name': 'manual' } },
        addressType: 'IPv4',
        endpoints: addresses.map((address) => ({ addresses: [address] })),
        ports: [port],
      } as New<EndpointSlice>);
    await slice('manual-1', { name: 'http', port: 8080 }, near.ip);
    await slice('manual-2', { name: 'http', port: 8081 }, far.ip);
    await slice('manual-3', { name: 'more', port: 8081 }, near.ip);
    await reaches(client, ipOf(service), BOTH);
    await reaches(farClient, `${ipOf(service)}:81`, new Set(['near']));
  });

  test('Endpoints written by hand serve too, and follow each change', async () => {
    const service = await create('mirrored', { ports: [http] });
    const of = (ip: string) => [{ addresses: [{ ip }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }];
    const metadata = { name: 'mirrored' };
    await pods.create(endpoints, { metadata, subsets: of(near.ip) } as New<Endpoints>);
    await reaches(farClient, ipOf(service), new Set(['near']));
    await api.patch(endpoints, { ...metadata, namespace }, { type: 'merge', body: { subsets: of(far.ip) } });
    await reaches(farClient, ipOf(service), new Set(['far']));
    await api.delete(endpoints, { ...metadata, namespace });
    await refused(farClient, ipOf(service));
  });

  test('Local policies keep traffic and the client address on the node, and the health port tells which nodes serve', async () => {
    const only = { selector: { only: 'near' }, ports: [http] };
    const local = await create('local', { ...only, type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    const health = async (node: string): Promise<unknown> => {
      const response = await fetch(`http://${node}:${local.spec.healthCheckNodePort}/`);
      return [response.status, await response.json()];
    };
    const answer = (count: number) => [
      count > 0 ? 200 : 503,
      { service: { namespace, name: 'local' }, localEndpoints: count, serviceProxyHealthy: true },
    ];
    await eventually(async () => assert.deepEqual(await health(boat), answer(1)));
    await eventually(async () => assert.deepEqual(await health(boat2), answer(0)));
    const status = { loadBalancer: { ingress: [{ ip: '198.51.100.9' }] } };
    await api.patch(services, { name: 'local', namespace }, { type: 'merge', body: { status } }, { subresource: 'status' });
    for (const from of [client, farClient]) await reaches(from, '198.51.100.9', new Set(['near']));
    await patch('local', { loadBalancerSourceRanges: ['203.0.113.0/24'] });
    await eventually(async () => assert.deepEqual(await farClient.ask('http://198.51.100.9/hostname'), ['TIMEOUT']));

    const inside = await create('inside', { ...only, internalTrafficPolicy: 'Local' });
    await reaches(client, ipOf(inside), new Set(['near']));
    await eventually(async () => assert.deepEqual(await farClient.ask(`http://${ipOf(inside)}/hostname`), ['TIMEOUT']));
  });

  test("traffic prefers the client's zone where the Service asks for it", async () => {
    for (const [name, zone] of [
      ['boat', 'port'],
      ['boat-2', 'starboard'],
    ] as const) {
      const labels = { 'topology.kubernetes.io/zone': zone };
      await api.patch(nodes, { name }, { type: 'merge', body: { metadata: { labels } } });
    }
    const zonal = await create('zonal', { ...WEB, trafficDistribution: 'PreferSameZone', ports: [http] });
    await reaches(client, ipOf(zonal), new Set(['near']));
    await reaches(farClient, ipOf(zonal), new Set(['far']));
  });

  test('a Service goes from blue to green as their gates say, and a pod that ends speaks and is spoken to until it has ended', async () => {
    const gate = 'example.test/live';
    const spec = { readinessGates: [{ conditionType: gate }], terminationGracePeriodSeconds: 90 };
    const start = (name: string) => startAgents(pods, [{ name, node: 'boat-2', labels: { app: 'colours' }, lingers: 80, spec }]);
    const says = (name: string, status: 'True' | 'False') => {
      const body = { status: { conditions: [{ type: gate, status }] } };
      return api.patch(podResource, { name, namespace }, { type: 'strategic', body }, { subresource: 'status' });
    };
    const [blue, green] = [start('blue'), start('green')];
    for (const name of ['blue', 'green']) await pods.until(name, ({ status }) => status.containerStatuses?.[0]?.started === true);
    const address = ipOf(await create('colours', { selector: { app: 'colours' }, ports: [http] }));
    const served = async (...names: readonly string[]) => {
      for (const from of [client, farClient]) await reaches(from, address, new Set(names));
    };
    await refused(client, address);
    await says('blue', 'True');
    await blue;
    await served('blue');
    await says('green', 'True');
    const [ending] = (await green) as [AgentPod];
    await served('blue', 'green');
    await says('blue', 'False');
    await served('green');

    await api.delete(podResource, { name: 'green', namespace });
    assert.deepEqual(await client.ask(`http://${ending.ip}:8080/hostname`), ['green']);
    assert.deepEqual(await ending.ask(`http://${client.ip}:8080/hostname`), ['client']);
    await pods.until('green', ({ metadata }) => metadata.deletionTimestamp !== undefined);
    await served('green');
  });

  test('host ports of one number stand beside each other by address and protocol', async () => {
    const at = (name: string, hostIP: string, protocol: string) => ({
      name,
      node: 'boat-2',
      ports: [{ containerPort: protocol === 'UDP' ? 8081 : 8080, hostPort: 54_323, hostIP, protocol }],
    });
    await startAgents(pods, [at('port-1', '127.0.0.1', 'TCP'), at('port-2', boat2, 'TCP'), at('port-3', boat2, 'UDP')]);
    for (const from of [client, farNodeClient]) {
      await reaches(from, `${boat2}:54323`, new Set(['port-2']));
      await reachesUdp(from, boat2, 54_323, new Set(['port-3']));
    }
    assert.deepEqual(await farNodeClient.ask('http://127.0.0.1:54323/hostname', { from: boat2 }), ['port-1']);
  });

  test('a hundred Services made at once all get their endpoints', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `latency-${i}`);
    const made = await Promise.all(names.map((name) => create(name, { ...WEB, ports: [http] })));
    await eventually(async () => {
      const { items } = await api.list(endpointslices, { namespace });
      const served = new Set(
        items.filter((slice) => slice.endpoints?.length === 2).map(({ metadata }) => metadata.labels?.['kubernetes.io/service-name']),
      );
      assert.ok(new Set(names).isSubsetOf(served));
    });
    await reaches(farClient, ipOf(made.at(-1) as Service), BOTH);
  });

  test('each node tells that its proxy is well', async () => {
    for (const node of NODES) await eventually(async () => assert.equal((await fetch(`http://${node}:10256/healthz`)).status, 200));
    for (const from of [nodeClient, farNodeClient])
      assert.deepEqual(await from.ask('http://127.0.0.1:10249/proxyMode'), ['nftables'], 'for who is on the node');
  });
});

describe('names', () => {
  test('of a Service: in part and in full, by port, and back', async () => {
    const named = await create('named', { ...WEB, ports: [http, { name: 'dns', port: 53, protocol: 'UDP' }] });
    const full = `named.${namespace}.svc.cluster.local`;
    for (const from of [client, farClient])
      for (const name of ['named', `named.${namespace}`, `named.${namespace}.svc`, full])
        await eventually(async () => assert.equal(await from.lookup(name), ipOf(named)));
    const record = { type: 'SRV', name: full, priority: 0, weight: 100 };
    assert.deepEqual(await client.resolve('SRV', `_http._tcp.${full}`), [{ ...record, port: 80 }]);
    assert.deepEqual(await client.resolve('SRV', `_dns._udp.${full}`), [{ ...record, port: 53 }]);
    assert.equal(await client.resolve('AAAA', full), 'ENODATA', 'the name is there, but for no address of the other family');
    assert.deepEqual(await client.resolve('PTR', `${ipOf(named).split('.').toReversed().join('.')}.in-addr.arpa`), [full]);
  });

  test('of the cluster: its API server, and the pods themselves', async () => {
    const kubernetes = await api.get(services, { name: 'kubernetes', namespace: 'default' });
    for (const name of ['kubernetes.default', 'kubernetes.default.svc.cluster.local'])
      assert.equal(await client.lookup(name), ipOf(kubernetes));
    assert.equal(await farClient.lookup(`${client.ip.replaceAll('.', '-')}.${namespace}.pod.cluster.local`), client.ip);
    const { subsets } = await api.get(endpoints, { name: 'kubernetes', namespace: 'default' });
    const { items } = await api.list(endpointslices, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' });
    assert.deepEqual(
      items.flatMap((slice) => slice.endpoints?.flatMap(({ addresses }) => addresses)),
      [boat],
    );
    assert.deepEqual(
      subsets?.flatMap(({ addresses }) => addresses?.map(({ ip }) => ip)),
      [boat],
    );
  });

  test('of a headless Service: its pods, by hostname and subdomain, from the zone and from /etc/hosts', async () => {
    await create('fleet', { clusterIP: 'None', selector: { crew: 'yes' }, ports: [http] });
    const full = `admiral.fleet.${namespace}.svc.cluster.local`;
    for (const name of ['fleet', `fleet.${namespace}.svc`, `admiral.fleet.${namespace}`, full])
      await eventually(async () => assert.equal(await client.lookup(name), farClient.ip));
    assert.deepEqual(await client.resolve('SRV', `_http._tcp.fleet.${namespace}.svc.cluster.local`), [
      { type: 'SRV', name: full, port: 8080, priority: 0, weight: 100 },
    ]);
    assert.deepEqual(await client.resolve('PTR', `${farClient.ip.split('.').toReversed().join('.')}.in-addr.arpa`), [full]);
    assert.match(await farClient.get('/file?path=/etc/hosts'), new RegExp(String.raw`^${farClient.ip}\s+${full}\s+admiral$`, 'm'));
    for (const name of ['admiral', full]) assert.equal(await farClient.lookup(name), farClient.ip);
    await api.patch(podResource, farClient.pod.metadata, { type: 'merge', body: { metadata: { labels: { crew: null } } } });
    await eventually(async () => assert.equal(await client.resolve('A', `fleet.${namespace}.svc.cluster.local`), 'ENOTFOUND'));
  });

  test('of a pod that sets its own resolvers are looked up there', async () => {
    assert.equal(await alone.get('/file?path=/etc/resolv.conf'), 'search port.example\nnameserver 192.0.2.53\noptions ndots:2\n');
  });
});

describe('through the API server', { concurrency: true }, async () => {
  const proxied = await cluster.kubectl.start(['proxy', '--port=0']).line(/Starting to serve on/);
  const base = `http://${proxied.split(' ').at(-1)}`;
  const root = `/api/v1/namespaces/${namespace}`;
  const ask = (path: string, method = 'GET') => fetch(`${base}${path}`, { method, redirect: 'manual' });
  await create('proxy-me', {
    selector: { only: 'near' },
    ports: [http, { name: 'more', port: 81, targetPort: 8081 }, { name: 'https', port: 443, targetPort: 8443 }],
  });
  await eventually(async () => assert.equal((await ask(`${root}/services/proxy-me:http/proxy/`)).status, 200));

  for (const [target, port] of [
    ['pods/near:8080', 8080],
    ['pods/http:near:8081', 8081],
    ['pods/https:near:8443', 8443],
    ['services/proxy-me', 8080],
    ['services/proxy-me:80', 8080],
    ['services/proxy-me:more', 8081],
    ['services/http:proxy-me:http', 8080],
    ['services/https:proxy-me:https', 8443],
  ] as const) {
    test(`${target} is asked in every method`, async () => {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const path of ['/some/path/with/proxy?q=1', '/']) {
          const answer = await ask(`${root}/${target}/proxy${path}`, method);
          assert.deepEqual([answer.status, await answer.json()], [200, { method, url: path, port }]);
        }
      }
      assert.equal((await ask(`${root}/${target}/proxy/some/path`, 'HEAD')).status, 200);
      assert.equal((await ask(`${root}/${target}/proxy?method=POST`, 'POST')).status, 200);
      const moved = await ask(`${root}/${target}/proxy?method=GET`);
      assert.deepEqual([moved.status, moved.headers.get('location')], [301, `${root}/${target}/proxy/?method=GET`]);
      assert.equal(await (await ask(`${root}/${target}/proxy/page`)).text(), `<a href="${root}/${target}/proxy/next">next</a>`);
    });
  }

  test('a Service without endpoints is not to be had', async () => {
    await create('nobody', { selector: { app: 'nobody' }, ports: [http] });
    const answer = await ask(`${root}/services/nobody:http/proxy/`);
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /no endpoints available for service \\"nobody\\"/);
  });
});

test('clients that keep asking are led on when an endpoint goes, and a deleted Service is gone', async () => {
  const both = await api.get(services, { name: 'both', namespace });
  await api.delete(podResource, near.pod.metadata as { name: string; namespace: string });
  await reachesUdp(client, ipOf(both), 80, new Set(['far']));
  await reaches(client, ipOf(both), new Set(['far']));
  await api.deleteCollection(services, { namespace });
  assert.deepEqual((await api.list(services, { namespace })).items, []);
  await eventually(async () => assert.equal(await client.resolve('A', `both.${namespace}.svc.cluster.local`), 'ENOTFOUND'));
  // Nothing answers there any more, not even with a refusal: one asks.
  await eventually(async () => assert.ok(!(await client.ask(`http://${ipOf(both)}/hostname`)).includes('far')));
});

test('the further node joined by token and request, has a pod network of its own, and what runs on it may no more than it needs', async () => {
  const { items } = await api.list(nodes);
  assert.equal(new Set(items.map(({ spec }) => spec.podCIDR)).size, 2);
  for (const user of ['system:coredns', 'system:pod-network', 'system:kube-proxy'])
    assert.match((await cluster.kubectl.run(['auth', 'can-i', 'list', 'secrets', '-A', `--as=${user}`])).stdout, /^no/);
  const requests = await cluster.kubectl.succeed(['get', 'csr']);
  assert.match(requests, /kubelet-serving +system:node:boat-2 .*Approved,Issued/);
  assert.match(requests, /kube-apiserver-client-kubelet +system:bootstrap:\w+ .*Approved,Issued/);
  assert.match(
    await cluster.kubectl.succeed(['exec', '-n', namespace, 'far', '--', 'cat', '/etc/hosts']),
    /# Kubernetes-managed hosts file/,
  );
  assert.match(await pods.logs('far'), /^ready /);
});

test('proa reset takes all nodes away', async () => {
  await cluster.proa('reset', '--yes');
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth|proa/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /containerd|kubelet\/pods|netns\/proa/);
  assert.deepEqual(
    readdirSync('/run/netns').filter((name) => name.startsWith('proa') || name.startsWith('cni')),
    [],
  );
});
