// A whole cluster of the test's own, by the command a user types. Importing this isolates the test file.
import './isolated.ts';
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { imageArchive } from '#cri/image/oci-image.ts';
import { buildHostImage, type HostImageSpec } from '#cri/testing/host-image.ts';
import { succeed } from './command.ts';
import { type KubeClient, kubectl } from './kubectl.ts';
import { defer, type Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

export const PROA = join(import.meta.dirname, '..', '..', 'bin', 'proa');

/** Of the machine; addresses for documentation, which lead nowhere. */
export const MACHINE = '192.0.2.1';
export const ROUTER = '192.0.2.254';
export const MACHINE6 = '2001:db8::1';
const ROUTER6 = '2001:db8::fe';

export interface Cluster {
  /** What `proa up` printed. */
  readonly output: string;
  readonly kubectl: KubeClient;
  /** The administrator's, for other clients. */
  readonly kubeconfig: string;
  /** Runs `proa` with these arguments. @throws Error with all it said unless it ends with status 0 */
  proa(...args: readonly string[]): Promise<string>;
  /** Builds an image of this machine's programs and imports it. @returns path of its archive, for nodes elsewhere */
  importImage(spec: Omit<HostImageSpec, 'folder'>): Promise<string>;
}

/** One outward link whose far end answers nothing: a machine with a default route, but no way out. */
export async function connectMachine(families: 'IPv4' | 'IPv6' | 'both' = 'IPv4'): Promise<void> {
  await succeed('ip', ['link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'router']);
  if (families !== 'IPv6') await succeed('ip', ['address', 'add', `${MACHINE}/24`, 'dev', 'wan']);
  if (families !== 'IPv4') await succeed('ip', ['address', 'add', `${MACHINE6}/64`, 'dev', 'wan', 'nodad']);
  for (const link of ['wan', 'router']) await succeed('ip', ['link', 'set', link, 'up']);
  if (families !== 'IPv6') await succeed('ip', ['route', 'add', 'default', 'via', ROUTER]);
  if (families !== 'IPv4') await succeed('ip', ['route', 'add', 'default', 'via', ROUTER6]);
  await succeed('hostname', ['boat']);
  writeFileSync('/etc/resolv.conf', `nameserver ${ROUTER}\n`);
}

export interface ClusterPlace {
  /** False where this machine is connected already. */
  readonly connect?: boolean | 'IPv6' | 'both';
  /** Instead of a temporary folder. Not below /var, which is an overlay here: containerd's own overlays cannot lie on one. */
  readonly dataDir?: string;
  /** The test kills the cluster process. Everywhere else one that ends by itself fails the test, however well it came back. */
  readonly killed?: boolean;
}

/** Of a node whose disk may be almost full: nothing is evicted, and no image removed, for want of room that is the machine's. */
export const ANY_DISK = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
evictionHard: { memory.available: 100Mi }
imageGCHighThresholdPercent: 100
`;

/** Path of a file in `folder` by which a node does with whatever room there is. */
export function anyDisk(folder: string): string {
  const file = join(folder, 'any-disk.yaml');
  writeFileSync(file, ANY_DISK);
  return file;
}

/** The same as a flag of `proa up` and `proa agent`. */
export const onAnyDisk = (folder: string): string => `--kubelet-config=${anyDisk(folder)}`;

/** `flags` are of `proa up`. Resolves once `proa up` says that the cluster is ready. @throws Error with all it said when it does not */
export async function startCluster(
  owner: Owner,
  flags: readonly string[] = [],
  { connect = true, dataDir, killed = false }: ClusterPlace = {},
): Promise<Cluster> {
  if (connect !== false) await connectMachine(connect === true ? 'IPv4' : connect);
  const folder = temporaryFolder(owner);
  const data = dataDir ?? join(folder, 'data');
  const place = [`--data-dir=${data}`];
  const proa = (command: readonly string[]): Promise<string> => succeed(PROA, [...command, ...place]);
  const disk = flags.some((flag) => flag.startsWith('--kubelet-config')) ? [] : [onAnyDisk(folder)];
  const output = await proa(['up', '--yes', ...disk, ...flags]);
  defer(owner, async () => {
    const log = join(data, 'log', 'proa.log');
    const told = !killed && existsSync(log) ? readFileSync(log, 'utf8') : '';
    await proa(['reset', '--yes']);
    if (told.includes('the cluster process ended with')) throw new Error(`the cluster process ended by itself:\n${told.slice(-8_000)}`);
  });
  const kubeconfig = join(data, 'admin.kubeconfig');
  let images = 0;
  return {
    output,
    kubectl: await kubectl(owner, kubeconfig),
    kubeconfig,
    proa: (...args) => proa(args),
    async importImage(spec) {
      const archive = join(folder, `${++images}.tar`);
      const image = await buildHostImage({ ...spec, folder: join(folder, String(images)) });
      await pipeline(imageArchive(image), createWriteStream(archive));
      await proa(['image', 'import', archive]);
      return archive;
    },
  };
}
