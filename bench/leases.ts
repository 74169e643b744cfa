// What the heartbeat of a node costs an API server: each node renews its own Lease over its own connection and certificate, as
// kubelets do, by PUT. `npm run bench:leases -- [--nodes 50] [--seconds 5] [--encodings json,protobuf] [--profile FOLDER]`.
// All nodes renew as fast as they are answered, so the figures are of a server that has nothing else to do.
import { cpus, release } from 'node:os';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { leases, nodes } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { Lease } from '#api/types.ts';
import { formatMicroTime } from '#apimachinery/time.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport, type HttpsOptions } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { issueCertificate } from '#cluster/pki/certificate.ts';
import { Scope } from '#test/harness/scope.ts';
import { Connections } from './api/connections.ts';
import { ENCODINGS, type Encoding } from './api/encodings.ts';
import { processorSeconds, startOwnServer } from './api/server.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '5' },
    encodings: { type: 'string', default: 'json,protobuf' },
    /** Folder for a CPU profile of the server. */
    profile: { type: 'string' },
  },
});
const [nodeCount, seconds] = [Number(values.nodes), Number(values.seconds)];
if (!(nodeCount > 0) || !(seconds > 0)) throw new Error('--nodes and --seconds are positive numbers');

const NAMESPACE = 'kube-node-lease';
const WARM_UP_SECONDS = 2;
const protobuf = kubeProtobuf(new Schema());

interface Node {
  readonly connections: Connections;
  lease: Lease;
}

async function main(): Promise<void> {
  await using scope = new Scope();
  const server = await startOwnServer(scope, values.profile);
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const { https } = loadKubeconfig(deps, { path: server.kubeconfig });
  const all: Node[] = [];
  for (let i = 0; i < nodeCount; i++) all.push(await joined(`node-${i}`, https, dirname(server.kubeconfig), scope));
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Linux ${release()}, load from Node ${process.version}; ${nodeCount} nodes`);
  for (const encoding of ENCODINGS.filter(({ name }) => values.encodings.split(',').includes(name))) {
    await renewAll(all, encoding, WARM_UP_SECONDS);
    const before = processorSeconds(server.pid);
    const { renewals, perSecond } = await renewAll(all, encoding, seconds);
    const each = ((processorSeconds(server.pid) - before) / renewals) * 1e6;
    console.log(
      `${encoding.name.padEnd(10)} ${perSecond.toFixed(0).padStart(6)} renewals/s ${each.toFixed(0).padStart(6)} us of the server's CPU each`,
    );
  }
}

/** The node, its Lease, and a connection of its own to the server. */
async function joined(name: string, https: HttpsOptions, data: string, scope: Scope): Promise<Node> {
  const pem = (file: string): string => readFileSync(join(data, 'pki', file), 'utf8');
  const authority = { certificate: pem('ca.crt'), key: pem('ca.key') };
  const identity = { commonName: `system:node:${name}`, organizations: ['system:nodes'], usages: ['client'], validDays: 1 } as const;
  const { certificate, key } = await issueCertificate(authority, identity, { clock: systemClock, ids: randomIds });
  const own: HttpsOptions = { ...https, credentials: fixedCredentials({ certificate: { cert: certificate, key } }) };
  const transport = httpsTransport(own);
  const client = createClient(transport);
  const { metadata } = await client.create(nodes, { metadata: { name } });
  const lease = await client.create(leases, {
    metadata: { name, namespace: NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: metadata.uid }] },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(systemClock.now()) },
  });
  await transport.close();
  const connections = await Connections.open(own, 1);
  scope.after(() => connections.close());
  return { connections, lease };
}

async function renewAll(all: readonly Node[], encoding: Encoding, forSeconds: number): Promise<{ renewals: number; perSecond: number }> {
  const start = performance.now();
  const end = start + forSeconds * 1000;
  let renewals = 0;
  const renew = async (node: Node): Promise<void> => {
    while (performance.now() < end) {
      await renewOne(node, encoding);
      renewals++;
    }
  };
  await Promise.all(all.map(renew));
  return { renewals, perSecond: (renewals / (performance.now() - start)) * 1000 };
}

async function renewOne(node: Node, { mediaType, name, encode }: Encoding): Promise<void> {
  const { lease } = node;
  const renewed = {
    ...lease,
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    spec: { ...lease.spec, renewTime: formatMicroTime(systemClock.now()) },
  };
  const path = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${lease.metadata.name}`;
  const answer = await node.connections.succeed({ method: 'PUT', path, accept: mediaType, contentType: mediaType, body: encode(renewed) });
  node.lease = (name === 'json' ? JSON.parse(answer.toString()) : protobuf.decode(answer, 'Lease')) as Lease;
}

await keepAlive(main());
