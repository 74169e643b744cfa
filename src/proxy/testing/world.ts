// A node (the test file's own network namespace) with a proxy, two pods (namespaces behind a bridge) and a client outside.
import '#test/harness/isolated.ts';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { runProgram } from '#base/program.ts';
import type { EndpointSlice, Node, Service, ServiceCIDR } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { networkNamespace, type NetworkNamespace } from '#test/harness/netns.ts';
import { Scope } from '#test/harness/scope.ts';
import { type BindAddresses, defaultBindAddresses } from '../bind-addresses.ts';
import { Proxy } from '../proxy.ts';

export const POD_A = '10.244.0.2';
export const POD_B = '10.244.0.3';
export const NODE = '192.0.2.1';
/** The node's too, but not the one that its object tells. */
export const OTHER = '192.0.2.2';
export const OUTSIDE = '192.0.2.9';
export const [POD_A6, POD_B6] = ['fd00:244::2', 'fd00:244::3'];
export const [NODE6, OUTSIDE6] = ['2001:db8::1', '2001:db8::9'];

let changes = 0;
/** A resourceVersion. */
export const newVersion = (): string => String(++changes);
export const nodeAt = (...ips: readonly string[]): Node =>
  ({
    kind: 'Node',
    metadata: { name: 'n1', resourceVersion: newVersion() },
    spec: {},
    status: { addresses: ips.map((address) => ({ type: 'InternalIP', address })) },
  }) as unknown as Node;

/** Answers every TCP connection and UDP packet with its own address and the client's. */
const SERVER = `
  const ips = process.argv.slice(1);
  let left = ips.length;
  for (const ip of ips) {
    const u = require('dgram').createSocket(ip.includes(':') ? 'udp6' : 'udp4'); u.on('message', (_, f) => u.send(ip, f.port, f.address)); u.bind(8053, ip);
    const v = require('dgram').createSocket(ip.includes(':') ? 'udp6' : 'udp4'); v.on('message', (_, f) => v.send(ip + ' other', f.port, f.address)); v.bind(8054, ip);
    require('net').createServer((s) => { s.on('error', () => {}); s.end(ip + ' ' + s.remoteAddress.replace('::ffff:', '')); }).listen(8080, ip, () => { if (--left === 0) console.log('ready'); });
  }
`;

const scope = new Scope();
export const services = fakeInformer<Service>();
export const slices = fakeInformer<EndpointSlice>();
export const nodes = fakeInformer<Node>(nodeAt(NODE, NODE6));
export const serviceCIDRs = fakeInformer<ServiceCIDR>();
const stop = new AbortController();
/** Its looks at its rules come when a test says so. */
export const looks = new ManualClock();
/** Events, with the names of what they are about. */
export const told: (readonly unknown[])[] = [];
/** Programs that ended, in order. */
export const ran: string[] = [];

async function pod(ip: string, ip6: string, host: string): Promise<NetworkNamespace> {
  const namespace = await networkNamespace(scope);
  await succeed('ip', ['link', 'add', host, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace.name]);
  await succeed('ip', ['link', 'set', host, 'master', 'cni0', 'up']);
  await succeed('ip', ['link', 'set', host, 'type', 'bridge_slave', 'hairpin', 'on']);
  await namespace.succeed('ip', ['addr', 'add', `${ip}/24`, 'dev', 'eth0']);
  await namespace.succeed('ip', ['addr', 'add', `${ip6}/64`, 'dev', 'eth0', 'nodad']);
  await namespace.succeed('ip', ['link', 'set', 'eth0', 'up']);
  await namespace.succeed('ip', ['route', 'add', 'default', 'via', '10.244.0.1']);
  await namespace.succeed('ip', ['route', 'add', 'default', 'via', 'fd00:244::1']);
  await namespace.start(process.execPath, ['-e', SERVER, ip, ip6]).line(/ready/);
  return namespace;
}

/** Of one family and the other. */
const POD_CIDRS = ['10.244.0.0/16', 'fd00:244::/56'];

export const newProxy = (bindAddresses: BindAddresses, endpointSlices = slices): Proxy =>
  new Proxy({
    services,
    endpointSlices,
    runProgram: async (file, args, options) => {
      try {
        return await runProgram(file, args, options);
      } finally {
        ran.push(file);
      }
    },
    clock: {
      ...systemClock,
      monotonic: () => looks.monotonic(),
      after: (delayMs, fire) => (delayMs <= 1_000 ? systemClock : looks).after(delayMs, fire),
    },
    logger: silentLogger,
    nodes,
    serviceCIDRs,
    events: { event: (subject, ...rest) => void told.push([subject.metadata.name, ...rest]) },
    config: {
      nodeName: 'n1',
      podCIDRs: POD_CIDRS,
      nodePortAddresses: ['primary'],
      flags: { 'cluster-cidr': '10.244.0.0/16,fd00:244::/56' },
      bindAddresses,
    },
  });

writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
await succeed('ip', ['link', 'add', 'cni0', 'type', 'bridge']);
await succeed('ip', ['addr', 'add', '10.244.0.1/24', 'dev', 'cni0']);
await succeed('ip', ['addr', 'add', 'fd00:244::1/64', 'dev', 'cni0', 'nodad']);
await succeed('ip', ['link', 'set', 'cni0', 'up']);
export const podA = await pod(POD_A, POD_A6, 'va');
export const podB = await pod(POD_B, POD_B6, 'vb');
export const outside = await networkNamespace(scope);
await succeed('ip', ['link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside.name]);
for (const ip of [NODE, OTHER]) await succeed('ip', ['addr', 'add', `${ip}/24`, 'dev', 'wan']);
await succeed('ip', ['addr', 'add', `${NODE6}/64`, 'dev', 'wan', 'nodad']);
await succeed('ip', ['link', 'set', 'wan', 'up']);
await outside.succeed('ip', ['addr', 'add', `${OUTSIDE}/24`, 'dev', 'eth0']);
await outside.succeed('ip', ['addr', 'add', `${OUTSIDE6}/64`, 'dev', 'eth0', 'nodad']);
await outside.succeed('ip', ['link', 'set', 'eth0', 'up']);
for (const [from, to] of [
  [NODE, OUTSIDE],
  [NODE6, OUTSIDE6],
] as const) {
  await outside.succeed('ip', ['route', 'add', 'default', 'via', from]);
  await succeed('ip', ['route', 'add', 'default', 'via', to]);
}

const proxy = newProxy(defaultBindAddresses(POD_CIDRS));
const running = proxy.run(stop.signal);
await proxy.synced;

after(async () => {
  stop.abort();
  await running;
  await scope[Symbol.asyncDispose]();
});

/** Puts the objects in and resolves once a program (the transaction, unless another is named) has ended after that. */
export async function apply(...objects: readonly (Service | EndpointSlice)[]): Promise<void> {
  await carriedOver('nft', () => {
    for (const object of objects) {
      if (object.kind === 'Service') services.put(object);
      else slices.put(object);
    }
  });
}

export async function carriedOver(program: string, change: () => void): Promise<void> {
  const from = ran.length;
  change();
  while (!ran.slice(from).includes(program)) await new Promise((resolve) => setImmediate(resolve));
}

const ASK = `const s = require('net').connect(+process.argv[2], process.argv[1]); s.on('data', (d) => process.stdout.write(d)); s.on('error', (e) => process.stdout.write(e.code)); s.setTimeout(2000, () => { process.stdout.write('timeout'); s.destroy(); })`;
export const from = (namespace: NetworkNamespace) => (ip: string, port: number) =>
  namespace.succeed(process.execPath, ['-e', ASK, ip, String(port)]);

/** From the node itself; the serving pod's address, or the error's code. */
export function ask(ip: string, port: number, localAddress?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port, ...(localAddress === undefined ? {} : { localAddress }) });
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('end', () => resolve(text));
  });
}

export const server = (answer: string): string | undefined => answer.split(' ')[0];

export async function servers(count: number, asking: () => Promise<string>): Promise<ReadonlySet<string | undefined>> {
  const seen = new Set<string | undefined>();
  for (let i = 0; i < count; i++) seen.add(server(await asking()));
  return seen;
}
