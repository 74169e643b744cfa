// What pulls images, and its wiring.
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { CriClient } from '#cri/contract.ts';
import type { KubeletConfig } from './configuration/config.ts';
import type { KubeletEvents } from './events/events.ts';
import { credentialProviders, NO_CREDENTIAL_PROVIDERS, type CredentialProviders } from './images/credential-providers.ts';
import { ImageManager } from './images/image-manager.ts';
import { PullQueue } from './images/pull-queue.ts';
import type { PullRecords } from './images/pull-records.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import type { PodStartup } from './metrics/pod-startup.ts';
import { textIfThere } from './node/text-files.ts';
import { Backoff } from './runtime/backoff.ts';
import type { TokenManager } from './volumes/tokens.ts';

/** Source: NewMainKubelet; milliseconds. */
const IMAGE_BACKOFF_MS = 10_000;
const MAX_IMAGE_BACKOFF_MS = 300_000;

interface ImageDeps {
  readonly client: Client;
  readonly tokens: TokenManager;
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: KubeletConfig;
  readonly metrics: KubeletMetrics;
  readonly startup: PodStartup;
}

/** @throws CredentialProviderConfigError */
export function imageManager(deps: ImageDeps, events: KubeletEvents, records: PullRecords): ImageManager {
  const { cri, clock, logger, config, metrics, startup } = deps;
  return new ImageManager({
    image: cri.image,
    events,
    clock,
    logger,
    backoff: new Backoff(clock, IMAGE_BACKOFF_MS, MAX_IMAGE_BACKOFF_MS),
    queue: new PullQueue(config.serializeImagePulls ? 1 : (config.maxParallelImagePulls ?? Infinity)),
    records,
    metrics,
    startup,
    nodeConfig: () => textIfThere(join(config.rootDir, 'config.json')),
    providers: providersOf(deps),
  });
}

function providersOf({ config, ...deps }: ImageDeps): CredentialProviders {
  const { imageCredentialProviderConfigFile: file, imageCredentialProviderBinDir: binDir } = config;
  return file === '' || binDir === '' ? NO_CREDENTIAL_PROVIDERS : credentialProviders(file, { ...deps, binDir });
}
