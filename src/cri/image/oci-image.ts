// Builds container images in the OCI image layout, on the disk, without a container engine.
// Follows the OCI image specification v1.0: image layout, manifest, configuration, layers.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { normalizeReference } from './reference.ts';
import { tar, type TarEntry } from './tar.ts';
import { layerEntries, type LayerSource } from './tree.ts';

/** What a container of the image runs as, where its pod does not say otherwise. */
export interface ImageConfig {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** `1000`, `1000:1000`, `www-data` */
  readonly user?: string;
  /** `80/tcp` */
  readonly exposedPorts?: readonly string[];
  /** `SIGQUIT`; SIGTERM when absent. */
  readonly stopSignal?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export type Architecture = 'amd64' | 'arm64';

export interface ImageSpec {
  /** As people write it: `nginx:1.0`, `registry.example.com/team/app:2`. */
  readonly name: string;
  /** Bottom first. */
  readonly layers: readonly LayerSource[];
  readonly config?: ImageConfig;
  readonly architecture?: Architecture;
  /** An empty or absent folder that becomes the image's layout. */
  readonly folder: string;
}

/** An image in the OCI layout on the disk. */
export interface OciImage {
  /** The full reference it is imported as. */
  readonly name: string;
  readonly folder: string;
  /** Of the manifest, `sha256:…`; equal images have equal digests. */
  readonly digest: string;
  /** Of the configuration: what runtimes call the image's id. */
  readonly id: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** Every image is made at the epoch, so that equal contents make equal images. */
const CREATED = '1970-01-01T00:00:00Z';

/** This machine's architecture as images name it. @throws Error on a machine without one */
export function hostArchitecture(): Architecture {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`no images are built for ${process.arch}`);
}

/** @throws RangeError for a bad name or path; Error when the folder cannot be written or a file changes meanwhile */
export async function buildImage({ name, layers, config = {}, architecture = hostArchitecture(), folder }: ImageSpec): Promise<OciImage> {
  const reference = normalizeReference(name);
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });

  const built: Layer[] = [];
  for (const [i, layer] of layers.entries()) built.push(await writeLayer(blobs, layer, i));
  const configuration = await writeJson(blobs, MEDIA.config, configurationOf(config, architecture, built));
  const manifest = await writeJson(blobs, MEDIA.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: configuration,
    layers: built.map(({ descriptor }) => descriptor),
  });
  await writeFile(join(folder, 'index.json'), JSON.stringify(indexOf(reference, manifest, architecture)));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return { name: reference, folder, digest: manifest.digest, id: configuration.digest };
}

interface Layer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed archive. */
  readonly diffId: string;
}

async function writeLayer(blobs: string, source: LayerSource, place: number): Promise<Layer> {
  const unfinished = join(blobs, `../layer-${place}`);
  const whole = meter();
  const packed = meter();
  await pipeline(
    Readable.from(tar(layerEntries(source))),
    whole.stream,
    createGzip({ level: 6 }),
    packed.stream,
    createWriteStream(unfinished),
  );
  const descriptor = { mediaType: MEDIA.layer, digest: packed.digest(), size: packed.size() };
  await rename(unfinished, blobPath(blobs, descriptor.digest));
  return { descriptor, diffId: whole.digest() };
}

/** Passes bytes through, counting and hashing them. */
function meter(): { readonly stream: Transform; digest(): string; size(): number } {
  const hash = createHash('sha256');
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest('hex')}`, size: () => size };
}

async function writeJson(blobs: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await writeFile(blobPath(blobs, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

function blobPath(blobs: string, digest: string): string {
  return join(blobs, digest.slice('sha256:'.length));
}

/** Source: OCI image specification, config.md. */
function configurationOf(config: ImageConfig, architecture: Architecture, layers: readonly Layer[]): unknown {
  const exposed = config.exposedPorts === undefined ? undefined : Object.fromEntries(config.exposedPorts.map((port) => [port, {}]));
  const env = config.env === undefined ? undefined : Object.entries(config.env).map(([name, value]) => `${name}=${value}`);
  return {
    created: CREATED,
    architecture,
    os: 'linux',
    config: {
      User: config.user,
      ExposedPorts: exposed,
      Env: env,
      Entrypoint: config.entrypoint,
      Cmd: config.cmd,
      WorkingDir: config.workingDir,
      Labels: config.labels,
      StopSignal: config.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: CREATED })),
  };
}

function indexOf(reference: string, manifest: Descriptor, architecture: Architecture): unknown {
  return {
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: [
      {
        ...manifest,
        platform: { architecture, os: 'linux' },
        // The second is what containerd names the image; the first, other tools.
        annotations: { 'org.opencontainers.image.ref.name': reference, 'io.containerd.image.name': reference },
      },
    ],
  };
}

/** The image as one tar stream: an OCI archive, as `ctr images import` and other tools read it. */
export function imageArchive({ folder }: Pick<OciImage, 'folder'>): Readable {
  return Readable.from(tar(archiveEntries(folder)), { objectMode: false });
}

async function* archiveEntries(folder: string): AsyncGenerator<TarEntry> {
  const owner = { uid: 0, gid: 0 };
  const file = async (path: string): Promise<TarEntry> => {
    const onDisk = join(folder, path);
    const { size } = await stat(onDisk);
    return { ...owner, kind: 'file', path, mode: 0o644, body: { size, open: () => createReadStream(onDisk) } };
  };
  yield await file('oci-layout');
  yield await file('index.json');
  for (const path of ['blobs', 'blobs/sha256']) yield { ...owner, kind: 'directory', path, mode: 0o755 };
  for (const name of (await readdir(join(folder, 'blobs', 'sha256'))).toSorted()) yield await file(`blobs/sha256/${name}`);
}
