// What works with plugins: dynamic resources, devices and CSI volumes, behind one watcher of their sockets.
import { formatTime } from '#apimachinery/time.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { KubeletConfig } from './configuration/config.ts';
import { AllocatableUpdates } from './csi/allocatable-updates.ts';
import { Attachments } from './csi/attachments.ts';
import { CsiDrivers } from './csi/csi-drivers.ts';
import { CsiVolumes } from './csi/csi-volumes.ts';
import { DriverCalls } from './csi/driver-calls.ts';
import { CsiGrowth } from './csi/growth.ts';
import { type CsiTokens, PublishRequests } from './csi/publish-requests.ts';
import { DeviceManager } from './devices/device-manager.ts';
import { DevicePlugins } from './devices/device-plugins.ts';
import { ClaimInfos } from './dra/claim-infos.ts';
import { DraManager } from './dra/dra-manager.ts';
import { DraPlugins } from './dra/dra-plugins.ts';
import { type PluginHandler, PluginWatcher } from './plugins/plugin-watcher.ts';
import type { KubeletPaths } from './volumes/paths.ts';
import type { TokenManager } from './volumes/tokens.ts';

export interface PluginParts {
  readonly watcher: PluginWatcher;
  readonly claims: ClaimInfos;
  readonly dra: DraPlugins;
  readonly devices: DraManager;
  readonly devicePlugins: DevicePlugins;
  readonly deviceManager: DeviceManager;
  readonly csi: CsiDrivers;
  readonly csiVolumes: CsiVolumes;
  readonly attachments: Attachments;
  readonly allocatable: AllocatableUpdates;
}

interface PluginDeps {
  readonly informers: InformerFactory;
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: Pick<KubeletConfig, 'nodeName' | 'rootDir'>;
  readonly paths: KubeletPaths;
  readonly tokens: TokenManager;
  /** This node, as the informer last saw it. */
  readonly node: () => Node | undefined;
  /** The node's status is to be looked at again. */
  readonly statusChanged: () => void;
  readonly wake: (podUid: string) => void;
}

export function assemblePlugins(input: PluginDeps): PluginParts {
  const { client, informers, recorder, clock, ids, logger, config, paths, tokens, node, statusChanged, wake } = input;
  const { nodeName } = config;
  const deps = { client, nodeName, clock, ids, logger };
  const claims = new ClaimInfos(config.rootDir, logger);
  const dra = new DraPlugins(deps);
  const csi = new CsiDrivers(deps);
  const attachments = new Attachments({ client, nodeName, node, changed: statusChanged, wake });
  const calls = new DriverCalls(client, csi);
  const growth = new CsiGrowth({ client, calls, events: recorder, clock });
  const devicePlugins = new DevicePlugins({ folder: paths.devicePlugins(), clock, logger });
  const deviceManager = new DeviceManager({ rootDir: config.rootDir, plugins: devicePlugins, logger });
  const devices = new DraManager({ client, infos: claims, plugins: dra, logger });
  devicePlugins.onChange = () => {
    void deviceManager.save();
    statusChanged();
    deviceManager.pods().forEach(wake);
  };
  dra.health.onChange = (driver) => devices.podsOf(driver).forEach(wake);
  const handlers = new Map<string, PluginHandler>([
    ['DRAPlugin', dra],
    ['CSIPlugin', csi],
    ['DevicePlugin', devicePlugins],
  ]);
  return {
    watcher: new PluginWatcher({ folder: paths.pluginsRegistry(), handlers, clock, logger }),
    claims,
    dra,
    devices,
    devicePlugins,
    deviceManager,
    csi,
    csiVolumes: new CsiVolumes({ calls, attachments, growth, paths, nodeName, requests: new PublishRequests(calls, csiTokens(tokens)) }),
    attachments,
    allocatable: new AllocatableUpdates(informers, clock, (driver) => csi.refresh(driver)),
  };
}

/** Source: API default of TokenRequestSpec. Seconds. */
const TOKEN_SECONDS = 3_600;

const csiTokens =
  (tokens: TokenManager): CsiTokens =>
  async (pod: Pod, requests = []) => {
    const issued = requests.map(async ({ audience, expirationSeconds = TOKEN_SECONDS }) => {
      const { token, expires } = await tokens.issued(pod, { audience, expirationSeconds, path: '' });
      return [audience, { token, expirationTimestamp: formatTime(expires) }] as const;
    });
    return JSON.stringify(Object.fromEntries(await Promise.all(issued)));
  };
