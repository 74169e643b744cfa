// Pods from manifests in a folder of this node.
import { createHash } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { parseYaml, YamlError } from '#apimachinery/yaml.ts';
import { decodeObject } from '#api/decode.ts';
import { applyDefaults } from '#api/defaults.ts';
import { schemaOfDefinition } from '#api/schema.ts';
import type { Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isSystemError } from '#base/system-error.ts';
import { CONFIG_SEEN_ANNOTATION } from '../pod/identity.ts';

const POD_DEFINITION = 'io.k8s.api.core.v1.Pod';

/** A manifest that is no pod. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * The pod a manifest describes, as it is run on `nodeName`: named after the node, with a uid that follows its content.
 * @throws ManifestError; Source: config common.go applyDefaults, tryDecodeSinglePod
 */
export function podFromManifest(text: string, file: string, nodeName: string, now: number): Pod {
  const pod = decode(text, now);
  const { metadata, spec } = pod;
  const hash = metadata.uid === undefined || metadata.uid === '' ? contentHash(pod, file, nodeName) : metadata.uid;
  return {
    ...pod,
    metadata: {
      ...metadata,
      name: `${metadata.name === '' ? hash : metadata.name}-${nodeName.toLowerCase()}`,
      namespace: metadata.namespace === undefined || metadata.namespace === '' ? 'default' : metadata.namespace,
      uid: hash,
      resourceVersion: '',
      creationTimestamp: formatTime(now),
      annotations: {
        ...metadata.annotations,
        [ANNOTATION.podHash]: hash,
        [ANNOTATION.podSource]: 'file',
        [CONFIG_SEEN_ANNOTATION]: formatTime(now),
      },
    },
    spec: { ...spec, nodeName, tolerations: [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }] },
    status: { ...pod.status, phase: 'Pending' },
  };
}

function decode(text: string, now: number): Pod {
  const schema = schemaOfDefinition(POD_DEFINITION);
  try {
    const value = parseYaml(text) as { readonly kind?: string; readonly apiVersion?: string } | null;
    if (value?.kind !== 'Pod' || value.apiVersion !== 'v1')
      throw new ManifestError(`invalid pod: kind ${value?.kind} of ${value?.apiVersion}`);
    const { object } = decodeObject<Pod>(value, schema, { fieldValidation: 'Strict', version: 'v1' });
    return applyDefaults(object, schema, now);
  } catch (error) {
    if (!(error instanceof YamlError) && !(error instanceof StatusError)) throw error;
    throw new ManifestError(error.message);
  }
}

function contentHash(pod: Pod, file: string, nodeName: string): string {
  return createHash('md5').update(JSON.stringify(pod)).update(`host:${nodeName}`).update(`file:${file}`).digest('hex');
}

export interface StaticPodSourceDeps {
  readonly directory: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two looks, should no change be noticed. */
  readonly period: number;
  /** All static pods there are now. */
  readonly update: (pods: readonly Pod[]) => void;
}

/** Source: config file.go sourceFile. */
export class StaticPodSource {
  readonly #deps: StaticPodSourceDeps;
  #watcher: FSWatcher | undefined;
  #timer: CancelTimer | undefined;
  #stopped = false;
  #hasRead = false;
  #reading: Promise<void> | undefined;
  #again = false;
  /** A pod stays the same object while its file does. */
  #known = new Map<string, { readonly text: string; readonly pod: Pod }>();

  constructor(deps: StaticPodSourceDeps) {
    this.#deps = deps;
  }

  /** Whether its pods are known: a folder that cannot be read says nothing of them. */
  get hasRead(): boolean {
    return this.#hasRead;
  }

  /** Resolves when the folder was looked at once. */
  async start(): Promise<void> {
    await this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.();
    this.#watcher?.close();
  }

  #look(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
      if (this.#stopped) return;
      this.#timer?.();
      this.#timer = this.#deps.clock.after(this.#again ? 0 : this.#deps.period, () => void this.#look());
      this.#again = false;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { directory, nodeName, clock, logger, update } = this.#deps;
    let names: readonly string[] = [];
    try {
      this.#watch();
      names = (await readdir(directory, { withFileTypes: true }))
        .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== 'ENOENT') {
        logger.error('Unable to read config path', { path: directory, error });
        return; // what runs, runs on
      }
    }
    const found = new Map<string, { readonly text: string; readonly pod: Pod }>();
    for (const name of names.toSorted()) {
      const path = join(directory, name);
      try {
        const text = await readFile(path, 'utf8');
        const known = this.#known.get(path);
        found.set(path, known?.text === text ? known : { text, pod: podFromManifest(text, path, nodeName, clock.now()) });
      } catch (error) {
        if (!(error instanceof ManifestError) && !isSystemError(error)) throw error;
        logger.error('Could not process manifest file', { path, error });
        const known = this.#known.get(path);
        if (known !== undefined) found.set(path, known); // a broken edit does not end what runs
      }
    }
    this.#known = found;
    this.#hasRead = true;
    update([...found.values()].map(({ pod }) => pod));
  }

  /** A hint to look at once; looks at intervals do not depend on it. */
  #watch(): void {
    if (this.#watcher !== undefined || this.#stopped) return;
    try {
      const watcher = watch(this.#deps.directory, { persistent: false }, () => void this.#look());
      watcher.on('error', () => {
        watcher.close();
        this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#deps.logger.debug('the folder of static pods is not watched', { path: this.#deps.directory, error });
    }
  }
}
