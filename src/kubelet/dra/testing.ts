// A driver of dynamic resources over a real socket, as a DaemonSet's pod would run one.
import { join } from 'node:path';
import { Server } from '@grpc/grpc-js';
import { defer, type Owner } from '#test/harness/scope.ts';
import { HEALTH_SERVICE, healthCodec } from './device-health.ts';
import { addService, listenOn } from '../plugins/grpc-service.ts';
import { addStream, registration } from '../plugins/testing.ts';
import { type ClaimReference, pluginCodec, type PreparedClaim, type RegistrationStatus } from '../plugins/plugin-api.ts';

export interface FakeDriver {
  readonly name: string;
  /** Calls in order: `prepare gpu`, with the names of claims. */
  readonly calls: readonly string[];
  /** Resolves with what the kubelet said of the registration, the next time it does. */
  registered(): Promise<RegistrationStatus>;
  /** Instead of one device a claim, `vendor.test/gpu=<uid of the claim>`. */
  answer(prepare: (claim: ClaimReference) => PreparedClaim | undefined): void;
  /** How claims are taken back: empty, or why not. */
  refuse(error: string): void;
  /** Tells of the health of devices of its pool, by name. */
  health(devices: Readonly<Record<string, readonly ['UNKNOWN' | 'HEALTHY' | 'UNHEALTHY', string]>>): void;
  /** Its sockets go, as when its pod is deleted. */
  stop(): Promise<void>;
}

export interface FakeDriverOptions {
  /** `plugins_registry` of the kubelet. */
  readonly registry: string;
  /** Where its working socket lies. */
  readonly folder: string;
  readonly name?: string;
  readonly type?: string;
  readonly versions?: readonly string[];
}

/** Resolves when both of its sockets are there: it has not been registered then. */
export async function startDriver(owner: Owner, options: FakeDriverOptions): Promise<FakeDriver> {
  const { registry, folder, name = 'gpu.vendor.test', type = 'DRAPlugin', versions = ['v1.DRAPlugin'] } = options;
  const endpoint = join(folder, `${name}.sock`);
  const calls: string[] = [];
  let prepareOne = ({ uid }: ClaimReference): PreparedClaim | undefined => ({
    devices: [{ requestNames: [], poolName: 'pool', deviceName: 'gpu-0', cdiDeviceIds: [`vendor.test/gpu=${uid}`] }],
    error: '',
  });
  let refusal = '';

  const registering = registration({ type, name, endpoint, supportedVersions: versions });
  const work = new Server();
  const noted = (verb: string, claims: readonly ClaimReference[]): unknown =>
    calls.push(`${verb} ${claims.map((each) => each.name).join(' ')}`);
  for (const version of ['v1', 'v1beta1'])
    addService(work, pluginCodec, `k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin`, {
      NodePrepareResources: [
        'Claims',
        'Prepared',
        ({ claims }: { readonly claims: readonly ClaimReference[] }) => {
          noted('prepare', claims);
          const answers = claims.map((claim) => [claim.uid, prepareOne(claim)] as const).filter(([, answer]) => answer !== undefined);
          return { claims: Object.fromEntries(answers) };
        },
      ],
      NodeUnprepareResources: [
        'Claims',
        'Unprepared',
        ({ claims }: { readonly claims: readonly ClaimReference[] }) => {
          noted('unprepare', claims);
          return { claims: Object.fromEntries(claims.map(({ uid }) => [uid, { error: refusal }])) };
        },
      ],
    });
  let health = {};
  const tell = addStream(work, HEALTH_SERVICE, 'NodeWatchResources', () =>
    Buffer.from(healthCodec.message('WatchResponse').encode(health)),
  );
  await listenOn(work, endpoint);
  await listenOn(registering.server, join(registry, `${name}-reg.sock`));
  const stop = async (): Promise<void> => {
    for (const server of [registering.server, work]) server.forceShutdown();
  };
  defer(owner, stop);
  return {
    name,
    calls,
    registered: () => registering.registered(),
    answer: (prepare) => void (prepareOne = prepare),
    refuse: (error) => void (refusal = error),
    health(devices) {
      health = {
        devices: Object.entries(devices).map(([deviceName, [word, message]]) => ({
          device: { poolName: 'pool', deviceName },
          health: word,
          healthCheckTimeoutSeconds: 60,
          message,
        })),
      };
      tell();
    },
    stop,
  };
}
