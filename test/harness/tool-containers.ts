// Pods of one image with a shell and a server in it, for walks that follow containers through their lives.
import { type Cluster, startCluster } from './cluster.ts';
import { podSet, type PodSet } from './pods.ts';
import type { New, Pod } from '#api/types.ts';
import type { Owner } from './scope.ts';

export type Spec = New<NonNullable<Pod['spec']>>;
export type Container = NonNullable<Spec['containers']>[number];

const IMAGE = 'example.test/tools:1';
const PROGRAMS = [
  'sh',
  'sleep',
  'cat',
  'ls',
  'stat',
  'id',
  'grep',
  'wc',
  'echo',
  'test',
  'env',
  'node',
  'touch',
  'rm',
  'true',
  'false',
  'tail',
  'mkdir',
];
/** The image, which is there. */
export const tools = { image: IMAGE, imagePullPolicy: 'Never' } as const;

/** A container that runs a script of the shell. */
export const sh = (script: string) => ({ ...tools, command: ['sh', '-c', script] });

/** Logs what it is asked; `/healthz` fails from the given second on; the port above answers gRPC health checks. */
const SERVER = `
const born = Date.now(), sick = Number(process.env.SICK_AFTER ?? 'Infinity') * 1000;
require('http').createServer((q, r) => {
  console.log(q.method + ' ' + q.url);
  r.writeHead(q.url === '/healthz' && Date.now() - born > sick ? 500 : 200).end('ok');
}).listen(8080);
require('http2').createServer().on('stream', (s) => {
  s.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
  s.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
}).listen(8081);
process.on('SIGTERM', () => process.exit());`;
/** A container that runs it. */
export const server = { ...tools, command: ['node', '-e', SERVER] };

export const status = (pod: Pod) => pod.status.containerStatuses?.[0];
export const condition = (pod: Pod, type: string) => pod.status.conditions?.find((each) => each.type === type);

/** A cluster that has the image, and pods of a namespace of their own in it. */
export async function toolCluster(owner: Owner, namespace: string): Promise<{ readonly cluster: Cluster; readonly pods: PodSet }> {
  const cluster = await startCluster(owner);
  await cluster.importImage({ name: IMAGE, programs: PROGRAMS });
  return { cluster, pods: await podSet(owner, cluster, namespace) };
}
