// A CSI driver over a real socket. It makes folders where a true one mounts.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from '@grpc/grpc-js';
import { defer, type Owner } from '#test/harness/scope.ts';
import type { RegistrationStatus } from '../plugins/plugin-api.ts';
import { type Handle, listen, registration, service } from '../plugins/testing.ts';
import { csiCodec, type PublishRequest } from './csi-api.ts';

export interface FakeCsiDriver {
  readonly name: string;
  /** Calls in order, `publish handle`, without questions about the driver itself. */
  readonly calls: readonly string[];
  /** Requests of the last call, by its verb. */
  readonly last: ReadonlyMap<string, PublishRequest>;
  registered(): Promise<RegistrationStatus>;
  /** From now on a call of this verb fails with these words; empty: no more. */
  fail(verb: string, words: string): void;
  stop(): Promise<void>;
}

export interface FakeCsiOptions {
  readonly registry: string;
  readonly folder: string;
  readonly name?: string;
  readonly capabilities?: readonly string[];
  readonly nodeId?: string;
}

export async function startCsiDriver(owner: Owner, options: FakeCsiOptions): Promise<FakeCsiDriver> {
  const { registry, folder, name = 'disk.vendor.test', capabilities = ['STAGE_UNSTAGE_VOLUME'], nodeId = 'host-7' } = options;
  const endpoint = join(folder, `${name}.sock`);
  const calls: string[] = [];
  const last = new Map<string, PublishRequest>();
  const failures = new Map<string, string>();
  const work = new Server();
  const call =
    (verb: string, done: (request: PublishRequest) => void): Handle =>
    (request: PublishRequest) => {
      calls.push(`${verb} ${request.volumeId}`);
      last.set(verb, request);
      const failure = failures.get(verb) ?? '';
      if (failure !== '') return new Error(failure);
      done(request);
      return {};
    };
  service(work, csiCodec, 'csi.v1.Node', {
    NodeGetInfo: [
      'Empty',
      'NodeInfo',
      () => ({ nodeId, maxVolumesPerNode: 3, accessibleTopology: { segments: { 'vendor.test/rack': 'r1' } } }),
    ],
    NodeGetCapabilities: ['Empty', 'Capabilities', () => ({ capabilities: capabilities.map((type) => ({ rpc: { type } })) })],
    NodeStageVolume: ['Stage', 'Empty', call('stage', ({ stagingTargetPath }) => writeFileSync(join(stagingTargetPath, 'staged'), ''))],
    NodeUnstageVolume: ['Unstage', 'Empty', call('unstage', ({ stagingTargetPath }) => rmSync(join(stagingTargetPath, 'staged')))],
    NodePublishVolume: [
      'Publish',
      'Empty',
      call('publish', ({ targetPath, stagingTargetPath }) => {
        if (stagingTargetPath !== '' && !existsSync(join(stagingTargetPath, 'staged'))) throw new Error('published before it was staged');
        mkdirSync(targetPath, { recursive: true });
      }),
    ],
    NodeUnpublishVolume: ['Unpublish', 'Empty', call('unpublish', ({ targetPath }) => rmSync(targetPath, { recursive: true }))],
  });
  const registering = registration({ type: 'CSIPlugin', name, endpoint, supportedVersions: ['1.0.0'] });
  await listen(work, endpoint);
  await listen(registering.server, join(registry, `${name}-reg.sock`));
  const stop = async (): Promise<void> => {
    for (const server of [registering.server, work]) server.forceShutdown();
  };
  defer(owner, stop);
  return { name, calls, last, registered: () => registering.registered(), fail: (verb, words) => void failures.set(verb, words), stop };
}
