// Makes sure a container's image is on the node.
import { formatDuration } from '#apimachinery/duration.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod, Secret } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { PodSandboxConfig } from '#cri/gen/objects.ts';
import type { ImageService } from '#cri/gen/services.ts';
import type { KubeletEvents } from '../events/events.ts';
import { imageSizeLabel, type KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodStartup } from '../metrics/pod-startup.ts';
import type { Backoff } from '../runtime/backoff.ts';
import type { ImageUser } from '../runtime/security-context.ts';
import type { CredentialProviders } from './credential-providers.ts';
import { configEntries, matchingCredentials, secretEntries, type Credential } from './credentials.ts';
import { ImageNameError, repositoryOf, withDefaultTag } from './image-name.ts';
import type { PullQueue } from './pull-queue.ts';
import type { PullRecords } from './pull-records.ts';

/** Source: kubelet images types.go. */
export type ImageReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'RegistryUnavailable'
  | 'SignatureValidationFailed';

/** The image cannot be had now; reason and message show in the container's waiting state. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: ImageReason;
  /** Milliseconds until another attempt may be made; undefined when only a change helps. */
  readonly retryInMs: number | undefined;

  constructor(reason: ImageReason, message: string, retryInMs?: number) {
    super(message);
    this.reason = reason;
    this.retryInMs = retryInMs;
  }
}

export interface ImageRequest {
  readonly pod: Pod;
  /** Whom events are about; undefined for an image volume. */
  readonly containerName: string | undefined;
  readonly image: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly secrets: readonly Secret[];
  readonly sandbox: Input<PodSandboxConfig>;
  /** Ends a pull under way. */
  readonly signal: AbortSignal | undefined;
}

/** Milliseconds until a pull that could not be noted is tried again. */
const NOTE_RETRY_MS = 10_000;

export interface ImageManagerDeps {
  readonly image: ImageService;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly backoff: Backoff;
  readonly queue: PullQueue;
  readonly records: PullRecords;
  readonly metrics: KubeletMetrics;
  readonly startup: PodStartup;
  /** The node's own `config.json`; empty when there is none. */
  readonly nodeConfig: () => Promise<string>;
  readonly providers: CredentialProviders;
}

export class ImageManager {
  readonly #deps: ImageManagerDeps;
  /** Why the last pull failed, by back-off key: shown while waiting. */
  readonly #lastErrors = new Map<string, string>();

  constructor(deps: ImageManagerDeps) {
    this.#deps = deps;
  }

  /** The runtime's reference of the image. @throws ImageError, the signal's reason; Source: EnsureImageExists */
  async ensure(request: ImageRequest): Promise<string> {
    const { image: wanted, pullPolicy } = request;
    let image: string;
    try {
      image = withDefaultTag(wanted);
    } catch (error) {
      if (!(error instanceof ImageNameError)) throw error;
      const message = `Failed to apply default image tag "${wanted}": ${error.message}`;
      this.#event(request, 'Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message);
    }
    const present = pullPolicy === 'Always' ? undefined : await this.#present(request, image);
    if (present === undefined && pullPolicy === 'Never') throw this.#neverPull(request);

    let asked: Promise<readonly Credential[]> | undefined;
    const credentials = (): Promise<readonly Credential[]> => (asked ??= this.#credentials(image, request));
    if (present !== undefined && (await this.#deps.records.mayUse(image, present, credentials))) {
      this.#event(request, 'Normal', 'Pulled', `Container image "${wanted}" already present on machine and can be accessed by the pod`);
      return present;
    }
    if (pullPolicy === 'Never') throw this.#neverPull(request);
    return this.#pull(request, image, credentials);
  }

  /** Whom the image runs as. @throws CriError; Source: getImageUser */
  async userOf(image: string): Promise<ImageUser> {
    const { image: found } = await this.#deps.image.imageStatus({ image: { image } });
    if (found?.uid !== undefined) return { uid: found.uid.value };
    return found === undefined || found.username === '' ? { uid: 0 } : { username: found.username };
  }

  forget(podUid: string): void {
    for (const key of this.#lastErrors.keys()) if (key.startsWith(`${podUid}_`)) this.#lastErrors.delete(key);
    this.#deps.backoff.forget(`${podUid}_`);
  }

  async #present(request: ImageRequest, image: string): Promise<string | undefined> {
    try {
      const { image: found } = await this.#deps.image.imageStatus({ image: { image } });
      return found?.id;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      const message = `Failed to inspect image "${request.image}": ${error.message}`;
      this.#event(request, 'Warning', 'InspectFailed', message);
      throw new ImageError('ImageInspectError', message);
    }
  }

  #neverPull(request: ImageRequest): ImageError {
    const message = `Container image "${request.image}" is not present with pull policy of Never`;
    this.#event(request, 'Warning', 'ErrImageNeverPull', message);
    return new ImageError('ErrImageNeverPull', message);
  }

  /** Those of pull secrets before those of the node. Source: MakeDockerKeyring, UnionDockerKeyring. */
  async #credentials(image: string, { pod, secrets }: ImageRequest): Promise<readonly Credential[]> {
    const repository = repositoryOf(image);
    const node = [...(await this.#deps.providers.entries(repository, pod)), ...configEntries(await this.#deps.nodeConfig())];
    return [...matchingCredentials(secretEntries(secrets), repository), ...matchingCredentials(node, repository)];
  }

  async #pull(request: ImageRequest, image: string, credentials: () => Promise<readonly Credential[]>): Promise<string> {
    const { backoff, clock, queue, records, metrics, startup } = this.#deps;
    const key = `${request.pod.metadata.uid}_${image}`;
    const left = backoff.leftSinceUpdate(key);
    if (left > 0) {
      const message = `Back-off pulling image "${image}"`;
      this.#event(request, 'Normal', 'BackOff', message);
      const last = this.#lastErrors.get(key);
      throw new ImageError('ImagePullBackOff', last === undefined ? message : `${message}: ${last}`, left);
    }
    this.#lastErrors.delete(key);
    this.#event(request, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const asked = clock.monotonic();
    const ended = startup.pulling(request.pod.metadata.uid);
    await this.#notePull(image);
    let pulled: PulledImage | undefined;
    try {
      pulled = await queue.run(async () => this.#pullWith(request, image, await credentials()), request.signal);
      const waited = Math.floor(clock.monotonic() - asked);
      const message = `Successfully pulled image "${image}" in ${formatDuration(pulled.tookMs)} (${formatDuration(waited)} including waiting). Image size: ${pulled.size} bytes.`;
      this.#event(request, 'Normal', 'Pulled', message);
      metrics.imagePullDuration.of(imageSizeLabel(pulled.size)).observe(pulled.tookMs / 1000);
      backoff.collect();
      await records.pulled(image, pulled.ref, pulled.credential);
      return pulled.ref;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      this.#event(request, 'Warning', 'Failed', `Failed to pull image "${image}": ${error.message}`);
      backoff.next(key, clock.now());
      const { reason, message } = pullFailure(image, error.message);
      this.#lastErrors.set(key, `${reason}: ${message}`);
      throw new ImageError(reason, message, backoff.get(key));
    } finally {
      ended();
      if (pulled === undefined) await records.pullFailed(image);
    }
  }

  /** @throws ImageError; an image that was pulled unnoticed would be everybody's */
  async #notePull(image: string): Promise<void> {
    try {
      await this.#deps.records.pullBegins(image);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      const message = `Failed to record image pull intent for container image "${image}": ${error.message}`;
      throw new ImageError('ErrImagePull', message, NOTE_RETRY_MS);
    }
  }

  /** Tries the credentials in turn; the last refusal is thrown. Source: PullImage of kuberuntime_image.go. */
  async #pullWith(request: ImageRequest, image: string, credentials: readonly Credential[]): Promise<PulledImage> {
    const { clock, image: service } = this.#deps;
    const { signal } = request;
    const started = clock.monotonic();
    const attempts: readonly (Credential | undefined)[] = credentials.length === 0 ? [undefined] : credentials;
    const failures: CriError[] = [];
    for (const credential of attempts) {
      try {
        const auth =
          credential === undefined
            ? {}
            : { auth: { username: credential.username, password: credential.password, identityToken: credential.identityToken ?? '' } };
        const { imageRef } = await service.pullImage(
          { image: { image, annotations: request.pod.metadata.annotations ?? {} }, sandboxConfig: request.sandbox, ...auth },
          signal === undefined ? {} : { signal },
        );
        const tookMs = Math.floor(clock.monotonic() - started);
        const { image: found } = await service.imageStatus({ image: { image: imageRef } });
        return { ref: imageRef, size: found?.size ?? 0, tookMs, credential };
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        failures.push(error);
      }
    }
    throw failures.at(-1) as CriError;
  }

  #event({ pod, containerName }: ImageRequest, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (containerName === undefined) this.#deps.events.pod(pod, type, reason, message);
    else this.#deps.events.container(pod, containerName, type, reason, message);
  }
}

interface PulledImage {
  readonly ref: string;
  readonly size: number;
  readonly tookMs: number;
  readonly credential: Credential | undefined;
}

/** Source: evalCRIPullErr. */
export function pullFailure(image: string, message: string): { readonly reason: ImageReason; readonly message: string } {
  for (const [reason, words] of [
    ['RegistryUnavailable', 'the registry is unavailable'],
    ['SignatureValidationFailed', 'the signature validation failed'],
  ] as const) {
    if (message.startsWith(reason))
      return { reason, message: `image pull failed for ${image} because ${words}${message.slice(reason.length)}` };
  }
  return { reason: 'ErrImagePull', message };
}
