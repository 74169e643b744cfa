// Images made on the spot from Debian packages: for machines that reach Debian's archive but no image registry. Packages
// are resolved, fetched and checked by apt, unpacked by dpkg; their installation scripts are not run.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerFile } from './tree.ts';
import {
  type DebianArchive,
  type DebianPackage,
  downloadPackages,
  resolvePackages,
  unpackPackages,
  withPackageLists,
} from './debian-packages.ts';
import { buildImage, type ImageConfig, type OciImage } from './oci-image.ts';
import { normalizeReference } from './reference.ts';

export interface DebianImageSpec extends DebianArchive {
  readonly name: string;
  /** What to install, with all that it depends on (not what it merely recommends). */
  readonly packages: readonly string[];
  /** Of what it depends on, what the image can do without: nothing checks whether that is so. */
  readonly without?: readonly string[];
  /** Accounts besides root, www-data (33) and nobody, which are always there. */
  readonly users?: readonly DebianUser[];
  /** More files, over those of the packages. */
  readonly files?: readonly LayerFile[];
  readonly config?: ImageConfig;
}

export interface DebianUser {
  readonly name: string;
  /** Also the number of a group of the same name. */
  readonly uid: number;
  readonly home?: string;
}

/** Changed whenever the same packages would make another image. */
const RECIPE = 1;

/** What images do without to be small. */
const DOCUMENTATION = ['usr/share/doc', 'usr/share/man', 'usr/share/info', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bug'];

/**
 * Builds the image, or gives the one that was built of the same packages in the same versions. Needs root, since owners
 * of files are kept. Two builds at once do no harm; the one that ends last is dropped.
 * @throws ProgramError with apt's or dpkg's words: an unknown package, no network, no root
 */
export function buildDebianImage(spec: DebianImageSpec): Promise<OciImage> {
  return withPackageLists(spec, () => build(spec));
}

async function build(spec: DebianImageSpec): Promise<OciImage> {
  const closure = await resolvePackages(spec.packages, spec.without ?? [], spec);
  const folder = join(spec.cacheFolder, 'images', imageKey(spec, closure));
  const built = await finished(folder, spec.name);
  if (built !== undefined) return built;

  await mkdir(join(spec.cacheFolder, 'images'), { recursive: true });
  const work = await mkdtemp(join(spec.cacheFolder, 'building-'));
  try {
    const root = join(work, 'root');
    await unpackPackages(await downloadPackages(closure, spec), root, spec);
    for (const unwanted of DOCUMENTATION) await rm(join(root, unwanted), { recursive: true, force: true });
    const image = await buildImage({
      name: spec.name,
      folder: join(work, 'image'),
      layers: [
        { kind: 'folder', folder: root },
        { kind: 'files', files: [...baseFiles(spec.users ?? []), ...(spec.files ?? [])] },
      ],
      config: { ...spec.config, env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', ...spec.config?.env } },
    });
    await publish(image.folder, folder);
    return { ...image, folder };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Names the outcome: equal keys, equal images. */
function imageKey({ name, users, files, config }: DebianImageSpec, closure: readonly DebianPackage[]): string {
  const bytesAsText = (_key: string, value: unknown): unknown =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  const recipe = { recipe: RECIPE, arch: process.arch, name: normalizeReference(name), closure, users, files, config };
  return createHash('sha256').update(JSON.stringify(recipe, bytesAsText)).digest('hex');
}

/** A layout is moved to its place when it is whole, so one that is there is good. */
async function finished(folder: string, name: string): Promise<OciImage | undefined> {
  let index: string;
  try {
    index = await readFile(join(folder, 'index.json'), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const [manifest] = (JSON.parse(index) as { readonly manifests: readonly { readonly digest: string }[] }).manifests;
  if (manifest === undefined) throw new Error(`${folder} is no image layout`);
  const blob = await readFile(join(folder, 'blobs', manifest.digest.replace(':', '/')), 'utf8');
  const { config } = JSON.parse(blob) as { readonly config: { readonly digest: string } };
  return { name: normalizeReference(name), folder, digest: manifest.digest, id: config.digest };
}

async function publish(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another build was faster and made the same.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST'))) throw error;
  }
}

/** Source: Debian base-passwd, for the accounts that packages count on. */
const BASE_USERS: readonly DebianUser[] = [
  { name: 'root', uid: 0, home: '/root' },
  { name: 'www-data', uid: 33, home: '/var/www' },
  { name: 'nobody', uid: 65534, home: '/nonexistent' },
];

/** What a Debian system gets from installation scripts, as far as programs in containers look for it. */
function baseFiles(users: readonly DebianUser[]): LayerFile[] {
  const all = [...BASE_USERS, ...users];
  const passwd = all.map(({ name, uid, home = '/' }) => `${name}:x:${uid}:${uid}:${name}:${home}:/bin/sh\n`);
  const group = all.map(({ name, uid }) => `${name === 'nobody' ? 'nogroup' : name}:x:${uid}:\n`);
  return [
    { path: '/etc/passwd', content: { text: passwd.join('') } },
    { path: '/etc/group', content: { text: group.join('') } },
    { path: '/etc/nsswitch.conf', content: { text: 'passwd: files\ngroup: files\nhosts: files dns\n' } },
    { path: '/root', content: 'folder', mode: 0o700 },
    { path: '/run', content: 'folder' },
    { path: '/tmp', content: 'folder', mode: 0o1777 },
    { path: '/var/tmp', content: 'folder', mode: 0o1777 },
    { path: '/var/run', content: { link: '/run' } },
  ];
}
