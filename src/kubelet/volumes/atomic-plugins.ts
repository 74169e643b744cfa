// configMap, secret, downwardAPI and projected volumes: files that follow API objects.
import { mkdir } from 'node:fs/promises';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { ConfigMapVolumeSource, Pod, SecretVolumeSource, Volume, VolumeProjection } from '#api/types.ts';
import type { DownwardFacts } from '../env/downward.ts';
import type { References } from '../env/variables.ts';
import { writeAtomically, type FileContent, type Payload } from './atomic-writer.ts';
import type { Mounter } from './mounter.ts';
import { commonUser, setOwnership } from './ownership.ts';
import { configMapPayload, DEFAULT_MODE, downwardPayload, secretPayload } from './payload.ts';
import { VolumeError, type MountedVolume, type VolumePlugin, type VolumeRequest } from './plugin.ts';
import type { TokenManager } from './tokens.ts';
import type { TrustBundles } from './trust-bundles.ts';

export interface AtomicPluginDeps {
  readonly references: References;
  readonly tokens: TokenManager;
  readonly trustBundles: TrustBundles;
  readonly mounter: Mounter;
  readonly clock: Clock;
  /** For the downward API; pod addresses are not available in volumes. */
  readonly facts: () => DownwardFacts;
}

interface AtomicKind {
  readonly name: string;
  /** Secrets never touch the disk. */
  readonly medium: 'disk' | 'memory';
  supports(volume: Volume): boolean;
  payload(request: VolumeRequest, deps: AtomicPluginDeps): Promise<Payload>;
  staleAfter?(request: VolumeRequest, deps: AtomicPluginDeps): number | undefined;
}

const KINDS: readonly AtomicKind[] = [
  {
    name: 'kubernetes.io/configmap',
    medium: 'disk',
    supports: ({ configMap }) => configMap !== undefined,
    async payload({ pod, volume }, { references }) {
      const source: Partial<ConfigMapVolumeSource> = volume.configMap ?? {};
      const keyed = { items: source.items ?? [], mode: source.defaultMode ?? DEFAULT_MODE, optional: source.optional === true };
      const found = await whenFound(references.configMap(pod.metadata.namespace, source.name ?? ''), keyed.optional);
      return found === undefined ? new Map() : configMapPayload(found, keyed);
    },
  },
  {
    name: 'kubernetes.io/secret',
    medium: 'memory',
    supports: ({ secret }) => secret !== undefined,
    async payload({ pod, volume }, { references }) {
      const source: Partial<SecretVolumeSource> = volume.secret ?? {};
      const keyed = { items: source.items ?? [], mode: source.defaultMode ?? DEFAULT_MODE, optional: source.optional === true };
      const found = await whenFound(references.secret(pod.metadata.namespace, source.secretName ?? ''), keyed.optional);
      return found === undefined ? new Map() : secretPayload(found, keyed);
    },
  },
  {
    name: 'kubernetes.io/downward-api',
    medium: 'memory',
    supports: ({ downwardAPI }) => downwardAPI !== undefined,
    payload: async ({ pod, volume }, { facts }) =>
      downwardPayload(volume.downwardAPI?.items ?? [], pod, facts(), volume.downwardAPI?.defaultMode ?? DEFAULT_MODE),
  },
  {
    name: 'kubernetes.io/projected',
    medium: 'memory',
    supports: ({ projected }) => projected !== undefined,
    payload: projectedPayload,
    staleAfter({ pod, volume }, { tokens }) {
      const dues = (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken }) => {
        const due = serviceAccountToken === undefined ? undefined : tokens.dueIn(pod, serviceAccountToken);
        return due === undefined ? [] : [due];
      });
      return dues.length === 0 ? undefined : Math.min(...dues);
    },
  },
];

export function atomicPlugins(deps: AtomicPluginDeps): readonly VolumePlugin[] {
  return KINDS.map((kind): VolumePlugin => {
    const { staleAfter } = kind;
    return {
      name: kind.name,
      refreshes: true,
      supports: kind.supports,
      setUp: (request) => setUp(kind, request, deps),
      ...(staleAfter === undefined ? {} : { staleAfter: (request: VolumeRequest) => staleAfter(request, deps) }),
    };
  });
}

async function setUp(kind: AtomicKind, request: VolumeRequest, deps: AtomicPluginDeps): Promise<MountedVolume> {
  const { path, pod } = request;
  const payload = await kind.payload(request, deps);
  await mkdir(path, { recursive: true, mode: 0o755 });
  if (kind.medium === 'memory' && !(await deps.mounter.list()).some((mount) => mount.path === path)) {
    await deps.mounter.mount({ source: 'tmpfs', target: path, type: 'tmpfs', options: ['mode=0755', `size=${TMPFS_BYTES}`] });
  }
  const wrote = await writeAtomically({
    directory: path,
    payload,
    now: deps.clock.now(),
    prepare: (fresh) => setOwnership(fresh, pod, 'ro'),
  });
  if (wrote) await setOwnership(path, pod, 'ro');
  return { path, readOnly: true };
}

/** Bound of what secrets of one volume may take; objects are at most 1.5 MiB each. */
const TMPFS_BYTES = 256 * 1024 * 1024;

async function whenFound<T>(object: Promise<T>, optional: boolean): Promise<T | undefined> {
  try {
    return await object;
  } catch (error) {
    if (optional && isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** All sources, what can be had and what cannot, before it fails. Source: projected collectData. */
async function projectedPayload({ pod, volume }: VolumeRequest, deps: AtomicPluginDeps): Promise<Payload> {
  const mode = volume.projected?.defaultMode ?? DEFAULT_MODE;
  const out = new Map<string, FileContent>();
  const errors: string[] = [];
  for (const source of volume.projected?.sources ?? []) {
    try {
      for (const [path, content] of await sourcePayload(source, mode, pod, deps)) out.set(path, content);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      errors.push(error.message);
    }
  }
  if (errors.length > 0) throw new VolumeError(errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]`);
  return out;
}

/** With an owner of its own a token is for that owner alone. Source: projected collectData, ServiceAccountToken. */
const TOKEN_MODE = 0o600;

async function sourcePayload(source: VolumeProjection, mode: number, pod: Pod, deps: AtomicPluginDeps): Promise<Payload> {
  const { namespace } = pod.metadata;
  const { references } = deps;
  if (source.secret !== undefined) {
    const keyed = { items: source.secret.items ?? [], mode, optional: source.secret.optional === true };
    const found = await whenFound(references.secret(namespace, source.secret.name), keyed.optional);
    return found === undefined ? new Map() : secretPayload(found, keyed);
  }
  if (source.configMap !== undefined) {
    const keyed = { items: source.configMap.items ?? [], mode, optional: source.configMap.optional === true };
    const found = await whenFound(references.configMap(namespace, source.configMap.name), keyed.optional);
    return found === undefined ? new Map() : configMapPayload(found, keyed);
  }
  if (source.downwardAPI !== undefined) return downwardPayload(source.downwardAPI.items ?? [], pod, deps.facts(), mode);
  if (source.serviceAccountToken !== undefined) {
    const uid = commonUser(pod);
    const owned = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
    const token = await deps.tokens.token(pod, source.serviceAccountToken);
    const content = { data: Buffer.from(token, 'utf8'), mode: owned ? TOKEN_MODE : mode, ...(uid === undefined ? {} : { uid }) };
    return new Map([[source.serviceAccountToken.path, content]]);
  }
  if (source.clusterTrustBundle !== undefined) {
    const { path, optional } = source.clusterTrustBundle;
    const pem = await deps.trustBundles.anchors(source.clusterTrustBundle);
    if (pem === undefined && optional !== true) throw new VolumeError("couldn't get trust anchors: combined trust bundle is empty");
    return new Map([[path, { data: Buffer.from(pem ?? '', 'utf8'), mode }]]);
  }
  throw new VolumeError('this kind of projected source is not supported on this node');
}
