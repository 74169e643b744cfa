// A node with a containerd of the test file's own: each of its tests starts a kubelet over it. The file begins with isolated.ts.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { events, nodes, pods } from '#api/resources.ts';
import type { Pod, PodSpec } from '#api/types.ts';
import { fakeClient } from '#client/testing.ts';
import { connectCri } from '#cri/client.ts';
import { importImage } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { writeBridgeNetwork } from '#cri/testing/bridge-network.ts';
import { buildHostImage } from '#cri/testing/host-image.ts';
import { startContainerd } from '#test/harness/containerd.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import { containerdImageMounter } from '../images/containerd-image-mounter.ts';
import { systemMounter } from '../volumes/mounter.ts';
import { type container, pod } from './pods.ts';
import { type RunningKubelet, runKubelet } from './run-kubelet.ts';
import { IMAGE } from './world.ts';

const owner = { after };
export const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
export const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
const programs = ['sh', 'sleep', 'cat', 'echo', 'env', 'id', 'ls', 'hostname', 'mount', 'true', 'grep', 'cut', 'ln'];
await importImage(await buildHostImage({ name: IMAGE, folder: join(temporaryFolder(owner), 'image'), programs }), target);
// Pods have a network of their own only where there is one to have: a bridge with an address for each.
writeBridgeNetwork(containerd.cniConfigFolder, { subnet: '10.244.0.0/24', leases: temporaryFolder(owner) });

after(() => cri.close());

/** Real milliseconds after which what should come about does not. */
const PATIENCE_MS = 60_000;

export async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  while (!condition()) {
    if (systemClock.monotonic() > deadline) throw new Error(`this did not come about: ${what}`);
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
  }
}

export interface NodeOptions {
  /** A filesystem of its own for the kubelet's folder, of that size. */
  readonly disk?: string;
  readonly config?: Partial<KubeletConfig>;
}

/** Ends with the test, its pods before it. */
export async function startNode(t: TestContext, { disk, config }: NodeOptions = {}) {
  const { client, server } = fakeClient({ clock: systemClock, ids: randomIds });
  const warnings: string[] = [];
  const logger = createLogger((level, message, { error }) => {
    if (level === 'warn') warnings.push(`${message}: ${String(error)}`);
  });
  const folder = temporaryFolder(t);
  if (disk !== undefined) {
    const root = join(folder, 'root');
    mkdirSync(root);
    await systemMounter.mount({ source: 'tmpfs', target: root, type: 'tmpfs', options: [`size=${disk}`] });
    defer(t, () => systemMounter.unmount(root));
  }
  const begin = (): Promise<RunningKubelet> =>
    runKubelet({
      client,
      cri,
      clock: systemClock,
      ids: randomIds,
      logger,
      config: {
        nodeName: 'node',
        nodeIPs: ['10.244.0.1'],
        rootDir: join(folder, 'root'),
        podLogsDir: join(folder, 'logs'),
        containerLogsDir: join(folder, 'links'),
        clusterDNS: ['10.96.0.10'],
        clusterDomain: 'cluster.local',
        resolvConf: '',
        healthzPort: 0,
        evictionHard: {},
        ...config,
      },
      imageMounter: containerdImageMounter({ address: containerd.socket }),
    });
  let current = await begin();
  const find = (name: string): Pod => {
    const found = server.stored(pods).find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new Error(`the API has no pod ${name}`);
    return found;
  };
  const world = {
    client,
    server,
    folder,
    pod: find,
    kubelet: () => current.kubelet,
    told: (name: string) =>
      server
        .stored(events)
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason, message }) => `${reason} ${message}`),
    warned: (words: RegExp) => warnings.some((each) => words.test(each)),
    run(name: string, spec: Partial<PodSpec>, more: Parameters<typeof pod>[0] = {}): void {
      server.seed(pods, pod({ name, uid: `${name}-${randomIds.suffix(8)}`, spec: { terminationGracePeriodSeconds: 2, ...spec }, ...more }));
    },
    /** What the container wrote to its log so far. */
    log(name: string, containerName = 'app', attempt = 0): string {
      const { metadata } = find(name);
      const path = join(folder, 'logs', `${metadata.namespace}_${name}_${metadata.uid}`, containerName, `${attempt}.log`);
      if (!existsSync(path)) return '';
      return readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.split(' ').slice(3).join(' '))
        .join('\n');
    },
    async restart() {
      await current.stop();
      current = await begin();
    },
  };
  defer(t, async () => {
    for (const { metadata } of server.stored(pods)) server.erase(pods, metadata.name, metadata.namespace);
    const podFolders = join(folder, 'root', 'pods');
    try {
      await until(() => current.kubelet.view.pods().length === 0 && (!existsSync(podFolders) || readdirSync(podFolders).length === 0));
      assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
    } finally {
      await current.stop();
    }
  });
  await until(
    () => server.stored(nodes)[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
  );
  return world;
}

export const shell = (script: string): Parameters<typeof container>[1] => ({ command: ['sh', '-c', script] });
export const FOREVER = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
