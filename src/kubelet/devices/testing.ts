// A device plugin over a real socket, as a DaemonSet's pod would run one.
import { join } from 'node:path';
import { Server } from '@grpc/grpc-js';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import { Connection } from '#cri/connection.ts';
import { defer, type Owner } from '#test/harness/scope.ts';
import { addService, listenOn } from '../plugins/grpc-service.ts';
import { ask, pluginCall } from '../plugins/plugin-api.ts';
import { addStream } from '../plugins/testing.ts';
import { DEVICE_API_VERSION, type Device, deviceCodec, type DeviceGrant, type PluginOptions, type RegisterRequest } from './api.ts';

const register = pluginCall<RegisterRequest, object>(deviceCodec, '/v1beta1.Registration/Register', 'Registration', 'Empty');

const DEVICE_PLUGIN = 'v1beta1.DevicePlugin';

export interface FakeDevicePlugin {
  /** Calls in order: `allocate a b`. */
  readonly calls: readonly string[];
  /** Tells the kubelet of these devices from now on; `!b` is not well, `c@1` lies on NUMA node 1. */
  list(...devices: readonly string[]): void;
  /** What a container gets with its devices; an Error refuses. */
  grant(answer: (ids: readonly string[]) => Partial<DeviceGrant> | Error): void;
  /** @throws CriError: what the kubelet answers */
  register(options?: Partial<RegisterRequest>): Promise<void>;
  /** Its socket goes, as when its pod is deleted. */
  stop(): void;
}

export interface FakeDeviceOptions {
  /** `device-plugins` of the kubelet. */
  readonly folder: string;
  readonly resource?: string;
  readonly endpoint?: string;
  readonly options?: Partial<PluginOptions>;
}

/** Listens, and has not registered yet. */
export async function startDevicePlugin(owner: Owner, options: FakeDeviceOptions): Promise<FakeDevicePlugin> {
  const { folder, resource = 'vendor.test/card', endpoint = 'card.sock' } = options;
  const calls: string[] = [];
  let devices: readonly Device[] = [];
  let answer = (ids: readonly string[]): Partial<DeviceGrant> | Error => ({ envs: { CARDS: ids.join(',') } });
  const encoded = (): Buffer => Buffer.from(deviceCodec.message('Devices').encode({ devices }));

  const server = new Server();
  addService(server, deviceCodec, DEVICE_PLUGIN, {
    GetDevicePluginOptions: ['Empty', 'Options', () => ({ ...options.options })],
    GetPreferredAllocation: [
      'Preference',
      'Preferred',
      ({
        containerRequests,
      }: {
        readonly containerRequests: readonly { readonly available: readonly string[]; readonly size: number }[];
      }) => {
        calls.push(`prefer ${containerRequests[0]?.size} of ${containerRequests[0]?.available.join(' ')}`);
        return { containerResponses: containerRequests.map(({ available, size }) => ({ devices: available.toReversed().slice(0, size) })) };
      },
    ],
    Allocate: [
      'Allocate',
      'Allocated',
      ({ containerRequests }: { readonly containerRequests: readonly { readonly devicesIds: readonly string[] }[] }) => {
        const ids = containerRequests[0]?.devicesIds ?? [];
        calls.push(`allocate ${ids.join(' ')}`);
        const granted = answer(ids);
        return granted instanceof Error ? granted : { containerResponses: [granted] };
      },
    ],
    PreStartContainer: [
      'PreStart',
      'Empty',
      ({ devicesIds }: { readonly devicesIds: readonly string[] }) => {
        calls.push(`prestart ${devicesIds.join(' ')}`);
        return {};
      },
    ],
  });
  const tell = addStream(server, DEVICE_PLUGIN, 'ListAndWatch', encoded);
  const listen = (): Promise<void> => listenOn(server, join(folder, endpoint));
  await listen();
  const stop = (): void => server.forceShutdown();
  defer(owner, async () => stop());
  return {
    calls,
    list(...named) {
      devices = named.map((name) => {
        const [id = '', node = '0'] = name.replace('!', '').split('@');
        return { id, health: name.startsWith('!') ? 'Unhealthy' : 'Healthy', topology: { nodes: [{ id: Number(node) }] } };
      });
      tell();
    },
    grant: (given) => void (answer = given),
    async register(request = {}) {
      const connection = new Connection(join(folder, 'kubelet.sock'), silentLogger, 'kubelet');
      try {
        await ask({ connection, clock: systemClock, timeoutMs: 5_000 }, register, {
          version: DEVICE_API_VERSION,
          endpoint,
          resourceName: resource,
          ...request,
        });
      } finally {
        connection.close();
      }
    },
    stop,
  };
}
