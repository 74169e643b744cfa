// Real packets, see ./testing/world.ts.
import {
  NODE,
  NODE6,
  OTHER,
  OUTSIDE,
  OUTSIDE6,
  POD_A,
  POD_A6,
  POD_B,
  POD_B6,
  apply,
  ask,
  carriedOver,
  from,
  looks,
  newProxy,
  newVersion,
  nodeAt,
  nodes,
  outside,
  podA,
  podB,
  ran,
  server,
  servers,
  serviceCIDRs,
  services,
  slices,
  told,
} from './testing/world.ts';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import type { EndpointSlice, Service, ServiceCIDR } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { eventually } from '#test/harness/eventually.ts';
import { sctpAsk, sctpServer } from '#test/harness/sctp.ts';
import { service, slice } from './testing.ts';

test('a cluster IP spreads connections over its endpoints, from a pod and from the node', async () => {
  await apply(
    service('web', { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{}] }),
    slice('web', { port: 8080 }, { ip: POD_A }, { ip: POD_B }),
  );
  assert.deepEqual(await servers(24, () => ask('10.96.0.1', 80)), new Set([POD_A, POD_B]));
  assert.ok([POD_A, POD_B].includes(server(await from(podA)('10.96.0.1', 80)) ?? ''));
});

test('a pod reaches itself through its Service', async () => {
  await apply(
    service('self', { clusterIP: '10.96.0.2', clusterIPs: ['10.96.0.2'], ports: [{}] }),
    slice('self', { port: 8080 }, { ip: POD_A }),
  );
  assert.equal(server(await from(podA)('10.96.0.2', 80)), POD_A);
});

test('a Service without endpoints refuses connections at once', async () => {
  await apply(service('none', { clusterIP: '10.96.0.3', clusterIPs: ['10.96.0.3'], ports: [{}] }));
  assert.equal(await ask('10.96.0.3', 80), 'ECONNREFUSED');
  assert.equal(await from(podA)('10.96.0.3', 80), 'ECONNREFUSED');
});

test('a node port is reached from outside, and hides the client under the Cluster policy only', async () => {
  const spec = { type: 'NodePort', clusterIP: '10.96.0.4', clusterIPs: ['10.96.0.4'], ports: [{ nodePort: 30080 }] } as const;
  await apply(service('np', spec), slice('np', { port: 8080 }, { ip: POD_A, node: 'n1' }));
  assert.equal(await from(outside)(NODE, 30_080), `${POD_A} 10.244.0.1`);
  await apply(service('np', { ...spec, externalTrafficPolicy: 'Local' }));
  assert.equal(await from(outside)(NODE, 30_080), `${POD_A} ${OUTSIDE}`);
  await apply(slice('np', { port: 8080 }, { ip: POD_A, node: 'n2' }));
  assert.equal(await from(outside)(NODE, 30_080), 'timeout');
  for (const inside of [ask, from(podA)])
    assert.equal(server(await inside(NODE, 30_080)), POD_A, 'the node and its pods are led to every endpoint');
});

test('node ports and health check node ports are served where the node object says, follow it, and never on the loopback', async () => {
  const spec = { type: 'LoadBalancer', clusterIP: '10.96.0.14', clusterIPs: ['10.96.0.14'], externalTrafficPolicy: 'Local' } as const;
  const balanced = service('at', { ...spec, healthCheckNodePort: 32_001, ports: [{ nodePort: 30_084 }] });
  await apply(balanced, slice('at', { port: 8080 }, { ip: POD_A, node: 'n1' }));
  const servedAt = async (ip: string): Promise<readonly [string, string]> => [
    server(await from(outside)(ip, 30_084)) ?? '',
    await fetch(`http://${ip}:32001/`).then(
      ({ status }) => String(status),
      () => 'refused',
    ),
  ];
  const [yes, no] = [
    [POD_A, '200'],
    ['ECONNREFUSED', 'refused'],
  ];
  await eventually(async () => assert.deepEqual([await servedAt(NODE), await servedAt(OTHER)], [yes, no]));
  await carriedOver('nft', () => nodes.put(nodeAt(OTHER)));
  await eventually(async () => assert.deepEqual([await servedAt(NODE), await servedAt(OTHER)], [no, yes]));
  assert.equal(await ask('127.0.0.1', 30_084), 'ECONNREFUSED');
  await assert.rejects(fetch('http://127.0.0.1:32001/'));
  await carriedOver('nft', () => nodes.put(nodeAt(NODE, NODE6)));
  await eventually(async () => assert.deepEqual([await servedAt(NODE), await servedAt(OTHER)], [yes, no]));
  await carriedOver('nft', () => services.remove(balanced));
});

test('what is sent to a cluster IP that no Service has goes nowhere, and a port that its Service has not is refused', async () => {
  const range = (...cidrs: readonly string[]): ServiceCIDR =>
    ({
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes', resourceVersion: newVersion() },
      spec: { cidrs },
    }) as unknown as ServiceCIDR;
  await apply(
    service('some', { clusterIP: '10.96.0.15', clusterIPs: ['10.96.0.15'], ports: [{}] }),
    slice('some', { port: 8080 }, { ip: POD_A }),
  );
  const nobodys = ['10.96.77.77', 'fd00:96::7777'];
  // Where the way out leads, somebody has these addresses.
  for (const ip of nobodys) await outside.succeed('ip', ['addr', 'add', ip, 'dev', 'eth0', ...(ip.includes(':') ? ['nodad'] : [])]);
  for (const ip of nobodys) assert.equal(await from(podA)(ip, 80), 'ECONNREFUSED', ip);
  await carriedOver('nft', () => serviceCIDRs.put(range('10.96.0.0/16', '10.96.0.0/24', 'fd00:96::/112')));
  for (const ip of nobodys) assert.equal(await from(podA)(ip, 80), 'timeout', ip);
  assert.equal(await from(podA)('10.96.0.15', 81), 'ECONNREFUSED');
  assert.equal(server(await from(podA)('10.96.0.15', 80)), POD_A);
  await carriedOver('nft', () => serviceCIDRs.remove(range()));
  for (const ip of nobodys) assert.equal(await from(podA)(ip, 80), 'ECONNREFUSED', ip);
});

test('a Service that says it is headless or of another proxy is left to whoever serves it', async () => {
  const spec = { clusterIP: '10.96.0.11', clusterIPs: ['10.96.0.11'], ports: [{}] };
  const labelled = (labels: Readonly<Record<string, string>>): Service => {
    const plain = service('left', spec);
    return { ...plain, metadata: { ...plain.metadata, labels } };
  };
  const serves = async (): Promise<boolean> => (await succeed('nft', ['list', 'table', 'ip', 'kube-proxy'])).includes('10.96.0.11');
  await apply(labelled({}), slice('left', { port: 8080 }, { ip: POD_A }));
  assert.equal(await serves(), true);
  for (const label of ['service.kubernetes.io/headless', 'service.kubernetes.io/service-proxy-name']) {
    await apply(labelled({ [label]: '' }));
    assert.equal(await serves(), false, label);
    await apply(labelled({}));
    assert.equal(await serves(), true);
  }
});

test('the health check port of a Service under the Local policy tells whether it has an endpoint here', async () => {
  const health = async (): Promise<unknown> => {
    const response = await fetch(`http://${NODE}:32000/`);
    const { localEndpoints, serviceProxyHealthy } = (await response.json()) as Readonly<Record<string, unknown>>;
    return [response.status, localEndpoints, serviceProxyHealthy, response.headers.get('X-Load-Balancing-Endpoint-Weight')];
  };
  const spec = { type: 'LoadBalancer', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], externalTrafficPolicy: 'Local' } as const;
  const balanced = service('lb', { ...spec, healthCheckNodePort: 32_000, ports: [{ nodePort: 30_082 }] });
  await apply(balanced, slice('lb', { port: 8080 }, { ip: POD_A, node: 'n1' }));
  await eventually(async () => assert.deepEqual(await health(), [200, 1, true, '1']));
  await apply(slice('lb', { port: 8080 }, { ip: POD_A, node: 'n2' }));
  await eventually(async () => assert.deepEqual(await health(), [503, 0, true, '0']));
  await carriedOver('nft', () => services.remove(balanced));
  await eventually(() => assert.rejects(health()));
  assert.equal((await fetch(`http://${NODE}:10256/healthz`)).status, 200);
  assert.equal((await fetch(`http://${NODE}:10256//`)).status, 404);
});

test('a health check node port that somebody else has is opened once it is free, also when that is another Service', async () => {
  const own = (name: string, healthCheckNodePort: number | undefined): Service =>
    service(name, {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      clusterIP: `10.96.0.${name === 'taken' ? 31 : 32}`,
      clusterIPs: [`10.96.0.${name === 'taken' ? 31 : 32}`],
      ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
      ports: [{}],
    });
  const asked = async (): Promise<string> => {
    const answer = (await (await fetch(`http://${NODE}:32031`)).json()) as { readonly service: { readonly name: string } };
    return answer.service.name;
  };
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(32_031, NODE, resolve));
  await apply(own('taken', 32_031));
  await eventually(async () =>
    assert.ok(told.some(([name, , reason]) => name === 'taken' && reason === 'FailedToStartServiceHealthcheck')),
  );
  await new Promise((resolve) => other.close(resolve));
  await eventually(async () => assert.ok(looks.pending > 0)); // it rests
  looks.advance(10_000);
  await eventually(async () => assert.equal(await asked(), 'taken'));

  await carriedOver('nft', () => {
    services.put(own('heir', 32_031));
    services.put(own('taken', undefined));
  });
  await eventually(async () => assert.equal(await asked(), 'heir'));
  await carriedOver('nft', () => {
    services.remove(own('heir', undefined));
    services.remove(own('taken', undefined));
  });
});

const sticky = (...endpoints: readonly string[]): readonly (Service | EndpointSlice)[] => [
  service('sticky', {
    type: 'NodePort',
    clusterIP: '10.96.0.5',
    clusterIPs: ['10.96.0.5'],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    ports: [{ nodePort: 30_085 }],
  }),
  slice('sticky', { port: 8080 }, ...endpoints.map((ip) => ({ ip }))),
];

test('client affinity keeps a client at one endpoint, whichever way it asks, and after a proxy has come new', async (t) => {
  await apply(...sticky(POD_A, POD_B));
  const clients = Array.from({ length: 16 }, (_, i) => `192.0.2.${100 + i}`);
  for (const ip of clients) await succeed('ip', ['addr', 'add', `${ip}/24`, 'dev', 'wan']);
  t.after(async () => {
    for (const ip of clients) await succeed('ip', ['addr', 'del', `${ip}/24`, 'dev', 'wan']);
  });
  const served = async (host: string, port: number) => {
    const answers = new Map<string, string | undefined>();
    for (const ip of clients) answers.set(ip, server(await ask(host, port, ip)));
    return answers;
  };
  const first = await served('10.96.0.5', 80);
  assert.deepEqual(new Set(first.values()), new Set([POD_A, POD_B]));
  assert.deepEqual(await served('10.96.0.5', 80), first);
  assert.deepEqual(await served(NODE, 30_085), first);

  const later = new AbortController();
  const elsewhere = { healthz: { host: OTHER, port: 10_257 }, metrics: { host: '0.0.0.0', port: 10_250 } };
  const proxy = newProxy(elsewhere, fakeInformer(...slices.list()));
  const ended = proxy.run(later.signal);
  await proxy.synced;
  assert.equal((await fetch(`http://${OTHER}:10257/healthz`)).status, 200);
  await assert.rejects(fetch(`http://${NODE}:10257/healthz`), 'its own address alone');
  assert.equal(await (await fetch(`http://${NODE}:10250/proxyMode`)).text(), 'nftables');
  later.abort();
  await ended;
  assert.deepEqual(await served('10.96.0.5', 80), first);

  await apply(...sticky(POD_B));
  assert.deepEqual(new Set((await served('10.96.0.5', 80)).values()), new Set([POD_B]));
  await apply(...sticky(POD_A, POD_B));
  await eventually(async () => assert.match(await succeed('nft', ['list', 'table', 'ip', 'kube-proxy']), /dnat to 10\.244\.0\.2:8080/));
  assert.deepEqual(new Set((await served('10.96.0.5', 80)).values()), new Set([POD_B]), 'each has another now');
});

test('a UDP client is led to the new endpoint after a change, although it keeps its socket', async (t) => {
  const serve = (name: string, clusterIP: string): Promise<void> =>
    carriedOver('conntrack', () => {
      services.put(service(name, { clusterIP, clusterIPs: [clusterIP], ports: [{ protocol: 'UDP', port: 53 }] }));
      slices.put(slice(name, { protocol: 'UDP', port: 8053 }, { ip: POD_A }));
    });
  await serve('udp', '10.96.0.6');
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const echo = (to = '10.96.0.6'): Promise<string> =>
    new Promise((resolve) => {
      socket.once('message', (message) => resolve(String(message)));
      socket.send('who', 53, to);
    });
  assert.equal(await echo(), POD_A);
  await carriedOver('conntrack', () => slices.put(slice('udp', { protocol: 'UDP', port: 8053 }, { ip: POD_B })));
  assert.equal(await echo(), POD_B);
  await carriedOver('conntrack', () => slices.put(slice('udp', { protocol: 'UDP', port: 8054 }, { ip: POD_B })));
  assert.equal(await echo(), `${POD_B} other`, 'another target port');
  // Until there is a Service at an address, what is sent there is tracked as it is.
  socket.send('who', 53, '10.96.0.60');
  await eventually(async () => assert.match(await succeed('conntrack', ['--dump', '--proto=udp']), /dst=10\.96\.0\.60/));
  await serve('later', '10.96.0.60');
  assert.equal(await echo('10.96.0.60'), POD_A);
});

test('associations of SCTP are led to an endpoint, from a pod, from the pod itself, and from outside to a node port', async () => {
  const spec = { type: 'NodePort', clusterIP: '10.96.0.17', clusterIPs: ['10.96.0.17'] } as const;
  const served = (ip: string): Promise<void> =>
    apply(
      service('sctp', { ...spec, ports: [{ protocol: 'SCTP', port: 3868, nodePort: 30_868 }] }),
      slice('sctp', { protocol: 'SCTP', port: 9000 }, { ip }),
    );
  const [a, b] = [await sctpServer(podA), await sctpServer(podB)];
  await served(POD_B);
  await sctpAsk(podA, '10.96.0.17', 3868);
  await b.line(/^10\.244\.0\.2 9000 whole$/);
  await sctpAsk(outside, NODE, 30_868);
  await b.line(/^10\.244\.0\.1 9000 whole$/);
  await served(POD_A);
  await sctpAsk(podA, '10.96.0.17', 3868);
  await a.line(/^10\.244\.0\.1 9000 whole$/);
});

test('an external IP is served, and a removed Service leaves nothing behind', async () => {
  const external = service('ext', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], externalIPs: ['198.51.100.7'], ports: [{}] });
  await apply(external, slice('ext', { port: 8080 }, { ip: POD_B }));
  assert.equal(server(await from(outside)('198.51.100.7', 80)), POD_B);
  await carriedOver('nft', () => services.remove(external));
  const ruleset = await succeed('nft', ['list', 'table', 'ip', 'kube-proxy']);
  assert.doesNotMatch(ruleset, /shop\/ext|10\.96\.0\.7|198\.51\.100\.7/);
});

test('a new port and a new Service leave a Service served as before', async () => {
  await apply(
    service('long', { clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'], ports: [{ protocol: 'UDP', port: 53 }] }),
    slice('long', { protocol: 'UDP', port: 8053 }, { ip: POD_A }),
  );
  await apply(service('web', { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{}, { name: 'more', port: 81 }] }));
  assert.deepEqual(await servers(12, () => ask('10.96.0.1', 80)), new Set([POD_A, POD_B]));
});

test('a table that someone emptied comes back with the next change', async () => {
  await succeed('nft', ['delete', 'table', 'ip', 'kube-proxy']);
  await apply(service('web', { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{}, { name: 'other', port: 82 }] }));
  assert.ok([POD_A, POD_B].includes(server(await ask('10.96.0.1', 80)) ?? ''));
});

test('rules that somebody removed are back at the next look, which writes nothing while they are there', async () => {
  const look = (): Promise<void> => carriedOver('nft', () => looks.advance(10_000));
  const from = ran.length;
  await look();
  await eventually(async () => assert.ok(looks.pending > 0));
  assert.deepEqual(ran.slice(from), ['nft', 'nft']); // one a family
  for (const command of [
    'flush ruleset',
    'delete table ip6 kube-proxy',
    'flush table ip kube-proxy',
    'flush chain ip kube-proxy nat-output',
    'flush chain ip kube-proxy services',
    'flush chain ip kube-proxy tcp-endpoints-2',
    'flush map ip kube-proxy service-ips',
    'flush map ip kube-proxy tcp-endpoints',
    'flush set ip kube-proxy nodeport-ips',
  ]) {
    await succeed('nft', [command]);
    await eventually(async () => assert.ok(looks.pending > 0));
    await look();
    await eventually(async () => assert.ok([POD_A, POD_B].includes(server(await ask('10.96.0.1', 80)) ?? ''), command));
  }
});

test('rules that somebody removed are back although Services change all the time', async () => {
  await succeed('nft', ['flush', 'chain', 'ip', 'kube-proxy', 'services']);
  for (let turn = 0; turn < 3; turn++) {
    await apply(service('busy', { clusterIP: '10.96.0.16', clusterIPs: ['10.96.0.16'], ports: [{ port: 100 + turn }] }));
    await eventually(async () => assert.ok(looks.pending > 0)); // it rests
    looks.advance(4_000); // less than from look to look, and each change wakes the proxy
  }
  await eventually(async () => assert.match(await succeed('nft', ['list', 'chain', 'ip', 'kube-proxy', 'services']), /vmap @service-ips/));
  await eventually(async () => assert.ok(looks.pending > 0));
});

test('the node is told that its proxy starts', () => {
  assert.deepEqual(told[0], ['n1', 'Normal', 'Starting', '', { action: 'StartKubeProxy' }]);
});

test('figures and mode are told on the loopback, and there alone', async () => {
  const get = async (path: string): Promise<readonly [number, string]> => {
    const answer = await fetch(`http://127.0.0.1:10249${path}`);
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await get('/proxyMode'), [200, 'nftables']);
  for (const path of ['/healthz', '/healthz/ping']) assert.deepEqual(await get(path), [200, 'ok']);
  assert.match((await get('/metrics/slis'))[1], /^kubernetes_healthchecks_total\{name="ping",status="success",type="healthz"\} 2$/m);
  for (const path of ['/none', '//']) assert.equal((await get(path))[0], 404);
  const [, configuration] = await get('/configz');
  const configured = (JSON.parse(configuration) as Record<string, Record<string, unknown>>)['kubeproxy.config.k8s.io'];
  assert.deepEqual(
    [configured?.['Mode'], configured?.['MetricsBindAddress'], configured?.['HealthzBindAddress'], configured?.['DetectLocal']],
    [
      'nftables',
      '127.0.0.1:10249',
      '[::]:10256',
      { BridgeInterface: '', ClusterCIDRs: ['10.244.0.0/16', 'fd00:244::/56'], InterfaceNamePrefix: '' },
    ],
  );
  const linux = configured?.['Linux'] as { readonly Conntrack: Readonly<Record<string, unknown>> } | undefined;
  assert.deepEqual([linux?.Conntrack['Min'], linux?.Conntrack['TCPCloseWaitTimeout']], [131_072, '1h0m0s']);
  assert.equal(readFileSync('/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait', 'utf8'), '3600\n');
  assert.match((await get('/flagz'))[1], /^\nkube-proxy flagz\n[^]*\ncluster-cidr=10\.244\.0\.0\/16,fd00:244::\/56\n$/);
  assert.match((await get('/statusz'))[1], /^\nkube-proxy statusz\n[^]*\nPaths: \/configz \/flagz \/healthz \/metrics \/proxyMode\n$/);
  const picture = await fetch('http://127.0.0.1:10249/statusz', { headers: { Accept: 'image/png' } });
  assert.equal(picture.status, 406);
  const [, figures] = await get('/metrics');
  for (const line of [
    /^kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} [1-9]/m,
    /^kubeproxy_sync_proxy_rules_service_changes_total [1-9]/m,
    /^kubeproxy_sync_proxy_rules_endpoint_changes_pending 0$/m,
    // The table that somebody emptied.
    /^kubeproxy_sync_proxy_rules_nftables_sync_failures_total\{ip_family="IPv4"\} 1$/m,
    /^process_cpu_seconds_total \d/m,
  ])
    assert.match(figures, line);
  await assert.rejects(fetch(`http://${NODE}:10249/proxyMode`));
});

describe('over IPv6', () => {
  const six = (name: string, ip: string, spec: Partial<Service['spec']> = {}) =>
    service(name, { clusterIP: ip, clusterIPs: [ip], ipFamilies: ['IPv6'], ports: [{}], ...spec } as Parameters<typeof service>[1]);

  test('a cluster IP spreads connections over its endpoints, from a pod, from the node and from the pod that serves', async () => {
    await apply(six('web6', 'fd00:96::1'), slice('web6', { port: 8080 }, { ip: POD_A6 }, { ip: POD_B6 }));
    assert.deepEqual(await servers(24, () => ask('fd00:96::1', 80)), new Set([POD_A6, POD_B6]));
    assert.deepEqual(await servers(12, () => from(podA)('fd00:96::1', 80)), new Set([POD_A6, POD_B6]));
  });

  test('a Service of both families answers at each address with endpoints of that family', async () => {
    const both = service('two', { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20', 'fd00:96::20'], ports: [{}] });
    const [v4, v6] = [slice('two', { port: 8080 }, { ip: POD_B }), slice('two', { port: 8080 }, { ip: POD_B6 })];
    await apply(both, v4, { ...v6, metadata: { ...v6.metadata, name: 'two-6' } });
    assert.deepEqual([server(await from(podA)('10.96.0.20', 80)), server(await from(podA)('fd00:96::20', 80))], [POD_B, POD_B6]);
  });

  test('a Service without endpoints refuses connections at once', async () => {
    await apply(six('none6', 'fd00:96::3'));
    assert.deepEqual([await ask('fd00:96::3', 80), await from(podA)('fd00:96::3', 80)], ['ECONNREFUSED', 'ECONNREFUSED']);
  });

  test('a node port is reached from outside, and hides the client under the Cluster policy only', async () => {
    const spec = { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30086 }] } as const;
    await apply(six('np6', 'fd00:96::4', spec), slice('np6', { port: 8080 }, { ip: POD_A6, node: 'n1' }));
    assert.equal(await from(outside)(NODE6, 30_086), `${POD_A6} fd00:244::1`);
    await apply(six('np6', 'fd00:96::4', { ...spec, externalTrafficPolicy: 'Local' }));
    assert.equal(await from(outside)(NODE6, 30_086), `${POD_A6} ${OUTSIDE6}`);
  });

  test('client affinity holds, and external addresses and source ranges are of the family', async () => {
    await apply(
      six('sticky6', 'fd00:96::5', { sessionAffinity: 'ClientIP' }),
      slice('sticky6', { port: 8080 }, { ip: POD_A6 }, { ip: POD_B6 }),
    );
    assert.equal((await servers(12, () => ask('fd00:96::5', 80))).size, 1);
    const balanced = (loadBalancerSourceRanges: readonly string[]): Service => ({
      ...six('lb6', 'fd00:96::6', { type: 'LoadBalancer', externalIPs: ['2001:DB8:9::8'], loadBalancerSourceRanges }),
      status: { loadBalancer: { ingress: [{ ip: '2001:db8:9::9' }] } },
    });
    await apply(balanced([]), slice('lb6', { port: 8080 }, { ip: POD_A6 }));
    for (const ip of ['2001:db8:9::9', '2001:db8:9::8']) assert.equal(server(await from(outside)(ip, 80)), POD_A6);
    await apply(balanced(['2001:db8:1::/48']));
    assert.equal(await from(outside)('2001:db8:9::9', 80), 'timeout');
    assert.equal(server(await from(outside)('2001:db8:9::8', 80)), POD_A6);
  });
});
