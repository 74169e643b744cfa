// Files of a volume that hide one another. Source: warningsForOverlappingVirtualPaths.
import type { Volume, VolumeProjection } from '../../gen/core-v1.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { Warnings } from './collector.ts';

interface File {
  readonly path: string;
  /** What of the volume it comes from; empty where that is clear. */
  readonly source: string;
}

const fileString = ({ path, source }: File): string => (source === '' ? goQuote(path) : `${goQuote(path)} (${source})`);

const filesOf = (items: readonly { readonly path: string }[] | undefined, source = ''): readonly File[] =>
  (items ?? []).map(({ path }) => ({ path, source }));

const overlap = (a: File, b: File): boolean =>
  a.path !== '' && b.path !== '' && (`${a.path}/`.startsWith(`${b.path}/`) || `${b.path}/`.startsWith(`${a.path}/`));

function warnOfOverlaps(out: Warnings, volume: string, what: string, files: readonly File[]): void {
  const before: File[] = [];
  for (const { path, source } of files) {
    const file = { path: withoutSlashes(path), source };
    for (const other of before) {
      if (overlap(other, file))
        out.say(`volume ${goQuote(volume)} (${what}): overlapping paths: ${fileString(file)} with ${fileString(other)}`);
    }
    before.push(file);
  }
}

function projectedFiles({
  configMap,
  secret,
  downwardAPI,
  serviceAccountToken: token,
  clusterTrustBundle: bundle,
  podCertificate,
}: VolumeProjection): readonly File[] {
  if (configMap?.items !== undefined) return filesOf(configMap.items, `ConfigMap ${goQuote(configMap.name ?? '')}`);
  if (secret?.items !== undefined) return filesOf(secret.items, `Secret ${goQuote(secret.name ?? '')}`);
  if (downwardAPI?.items !== undefined) return filesOf(downwardAPI.items, 'DownwardAPI');
  if (token !== undefined) return [{ path: token.path, source: 'ServiceAccountToken' }];
  if (bundle !== undefined) return [{ path: bundle.path, source: `ClusterTrustBundle ${goQuote(bundle.name ?? bundle.signerName ?? '')}` }];
  if (podCertificate === undefined) return [];
  const { certificateChainPath: chain = '', keyPath: key = '', credentialBundlePath: credentials = '' } = podCertificate;
  return [
    { path: chain, source: 'PodCertificate chain' },
    { path: key, source: 'PodCertificate key' },
    { path: credentials, source: 'PodCertificate credential bundle' },
  ].filter(({ path }) => path !== '');
}

export function warnOfVolumePaths(out: Warnings, volumes: readonly Volume[]): void {
  for (const { name, configMap, secret, downwardAPI, projected } of volumes) {
    if (configMap?.items !== undefined) warnOfOverlaps(out, name, `ConfigMap ${goQuote(configMap.name ?? '')}`, filesOf(configMap.items));
    if (secret?.items !== undefined) warnOfOverlaps(out, name, `Secret ${goQuote(secret.secretName ?? '')}`, filesOf(secret.items));
    if (downwardAPI?.items !== undefined) warnOfOverlaps(out, name, 'DownwardAPI', filesOf(downwardAPI.items));
    const sources = projected?.sources ?? [];
    for (const source of sources)
      if (Object.keys(source).length === 0) out.say(`volume ${goQuote(name)} (Projected) has no sources provided`);
    if (projected !== undefined) warnOfOverlaps(out, name, 'Projected', sources.flatMap(projectedFiles));
  }
}

/** No pattern, which would look for an end behind each slash of a path of a million. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}
