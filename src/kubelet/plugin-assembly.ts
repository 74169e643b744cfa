// What works with plugins: dynamic resources and CSI volumes, behind one watcher of their sockets.
import { formatTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { KubeletConfig } from './config.ts';
import { CsiDrivers } from './csi/csi-drivers.ts';
import { type CsiTokens, CsiVolumes } from './csi/csi-volumes.ts';
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
  readonly csi: CsiDrivers;
  readonly csiVolumes: CsiVolumes;
}

interface PluginDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: Pick<KubeletConfig, 'nodeName' | 'rootDir'>;
}

export function assemblePlugins({ client, clock, logger, config }: PluginDeps, paths: KubeletPaths, tokens: TokenManager): PluginParts {
  const deps = { client, nodeName: config.nodeName, clock, logger };
  const claims = new ClaimInfos(config.rootDir, logger);
  const dra = new DraPlugins(deps);
  const csi = new CsiDrivers(deps);
  const handlers = new Map<string, PluginHandler>([
    ['DRAPlugin', dra],
    ['CSIPlugin', csi],
  ]);
  return {
    watcher: new PluginWatcher({ folder: paths.pluginsRegistry(), handlers, clock, logger }),
    claims,
    dra,
    devices: new DraManager({ client, infos: claims, plugins: dra, logger }),
    csi,
    csiVolumes: new CsiVolumes({ client, drivers: csi, paths, nodeName: config.nodeName, tokens: csiTokens(tokens) }),
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
