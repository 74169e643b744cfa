// A CSI driver over a real socket. It makes folders where a true one mounts.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, status } from '@grpc/grpc-js';
import { defer, type Owner } from '#test/harness/scope.ts';
import { addService, type Handle, listenOn } from '../../plugins/grpc-service.ts';
import type { RegistrationStatus } from '../../plugins/plugin-api.ts';
import { registration } from '../../plugins/testing.ts';
import { csiCodec, type ExpandRequest, type PublishRequest, type VolumeUsage } from '../csi-api.ts';

export interface FakeCsiDriver {
  readonly name: string;
  /** Calls in order, `publish handle`, without questions about the driver itself. */
  readonly calls: readonly string[];
  /** Requests of the last call, by its verb. */
  readonly last: ReadonlyMap<string, PublishRequest & ExpandRequest>;
  /** What it says volumes hold. */
  usage: readonly VolumeUsage[];
  /** How many volumes the node may have. */
  most: number;
  registered(): Promise<RegistrationStatus>;
  /** From now on a call of this verb fails with these words; empty: no more. @param code of gRPC; absent: INTERNAL */
  fail(verb: string, words: string, code?: number): void;
  /** From now on a call of this verb is not answered until `answer` is called. */
  hang(verb: string): { readonly answer: () => void };
  stop(): Promise<void>;
}

export interface FakeCsiOptions {
  readonly registry: string;
  readonly folder: string;
  readonly name?: string;
  readonly capabilities?: readonly string[];
  readonly nodeId?: string;
  /** What raw volumes are made as; absent: an empty file. */
  readonly device?: string;
}

export async function startCsiDriver(owner: Owner, options: FakeCsiOptions): Promise<FakeCsiDriver> {
  const { registry, folder, name = 'disk.vendor.test', capabilities = ['STAGE_UNSTAGE_VOLUME'], nodeId = 'host-7', device } = options;
  const endpoint = join(folder, `${name}.sock`);
  const calls: string[] = [];
  const last = new Map<string, PublishRequest & ExpandRequest>();
  const failures = new Map<string, Error>();
  const hanging = new Map<string, Promise<void>>();
  const driver = { usage: [] as readonly VolumeUsage[], most: 3 };
  const work = new Server();
  const call =
    (verb: string, done: (request: PublishRequest) => object | void): Handle =>
    async (request: PublishRequest & ExpandRequest) => {
      calls.push(`${verb} ${request.volumeId}`);
      last.set(verb, request);
      await hanging.get(verb);
      const failure = failures.get(verb);
      if (failure !== undefined) return failure;
      return done(request) ?? {};
    };
  addService(work, csiCodec, 'csi.v1.Node', {
    NodeGetInfo: [
      'Empty',
      'NodeInfo',
      () => ({ nodeId, maxVolumesPerNode: driver.most, accessibleTopology: { segments: { 'vendor.test/rack': 'r1' } } }),
    ],
    NodeGetCapabilities: ['Empty', 'Capabilities', () => ({ capabilities: capabilities.map((type) => ({ rpc: { type } })) })],
    NodeStageVolume: ['Stage', 'Empty', call('stage', ({ stagingTargetPath }) => writeFileSync(join(stagingTargetPath, 'staged'), ''))],
    NodeUnstageVolume: ['Unstage', 'Empty', call('unstage', ({ stagingTargetPath }) => rmSync(join(stagingTargetPath, 'staged')))],
    NodePublishVolume: [
      'Publish',
      'Empty',
      call('publish', ({ targetPath, stagingTargetPath, volumeCapability }) => {
        if (stagingTargetPath !== '' && !existsSync(join(stagingTargetPath, 'staged'))) throw new Error('published before it was staged');
        if (volumeCapability.block === undefined) mkdirSync(targetPath, { recursive: true });
        else if (device === undefined) writeFileSync(targetPath, ''); // its folder has to be there
        else execFileSync('cp', ['-a', device, targetPath]);
      }),
    ],
    NodeExpandVolume: ['Expand', 'Expanded', call('expand', () => ({ capacityBytes: 0 }))],
    NodeGetVolumeStats: [
      'Measure',
      'Measured',
      call('measure', () => {
        calls.pop(); // whenever somebody asks
        return { usage: driver.usage };
      }),
    ],
    NodeUnpublishVolume: [
      'Unpublish',
      'Empty',
      call('unpublish', ({ targetPath }) => rmSync(targetPath, { recursive: true, force: true })),
    ],
  });
  const registering = registration({ type: 'CSIPlugin', name, endpoint, supportedVersions: ['1.0.0'] });
  await listenOn(work, endpoint);
  await listenOn(registering.server, join(registry, `${name}-reg.sock`));
  const stop = async (): Promise<void> => {
    for (const server of [registering.server, work]) server.forceShutdown();
  };
  defer(owner, stop);
  return Object.assign(driver, {
    name,
    calls,
    last,
    registered: () => registering.registered(),
    hang(verb: string) {
      const { promise, resolve } = Promise.withResolvers<void>();
      hanging.set(verb, promise);
      defer(owner, resolve);
      return {
        answer() {
          hanging.delete(verb);
          resolve();
        },
      };
    },
    fail(verb: string, words: string, code: number = status.INTERNAL) {
      if (words === '') failures.delete(verb);
      else failures.set(verb, Object.assign(new Error(words), { code }));
    },
    stop,
  });
}
