// What several kinds write into a cell. Source: pkg/printers/internalversion/printers.go.
import type { Container, PodTemplateSpec } from '#api/types.ts';
import { type FilledColumn, text, wide } from './columns.ts';

export const NONE = '<none>';
export const UNSET = '<unset>';

/** `a=1,b=2`, or `<none>`. Source: labels.FormatLabels. */
export function labelsCell(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? NONE : pairs.toSorted().join(',');
}

/** Most entries a cell lists. Source: formatEndpoints, formatDiscoveryEndpoints. */
export const LISTED_MOST = 3;

/** `a,b,c + 2 more...`; `empty` for none. Source: listWithMoreString. */
export function listCell(entries: readonly (string | number)[], empty: string): string {
  if (entries.length === 0) return empty;
  const shown = entries.slice(0, LISTED_MOST).join(',');
  return entries.length > LISTED_MOST ? `${shown} + ${entries.length - LISTED_MOST} more...` : shown;
}

export const isTrue = (value: boolean | undefined): string => (value === undefined ? UNSET : value ? 'True' : 'False');

/** Sorted, each once. */
export const distinct = (entries: readonly string[]): readonly string[] => [...new Set(entries)].toSorted();

/** IPs and host names of a load balancer, sorted. Source: loadBalancerStatusStringer (wide, as the server always asks). */
export function loadBalancerCell(ingress: readonly { readonly ip?: string; readonly hostname?: string }[] | undefined): string {
  const entries = (ingress ?? []).map(({ ip, hostname }) => (ip === undefined || ip === '' ? (hostname ?? '') : ip));
  return distinct(entries.filter((entry) => entry !== '')).join(',');
}

/** Wide columns with names and images of a template's containers. Source: layoutContainerCells. */
export function containerColumns<T>(template: (object: T) => PodTemplateSpec | undefined): readonly FilledColumn<T>[] {
  const of = (object: T): readonly Container[] => template(object)?.spec?.containers ?? [];
  return [
    wide(
      text('Containers', 'Names of the containers in the pod template.', (object) =>
        of(object)
          .map((one) => one.name)
          .join(','),
      ),
    ),
    wide(
      text('Images', 'Images of the containers in the pod template.', (object) =>
        of(object)
          .map(({ image }) => image ?? '')
          .join(','),
      ),
    ),
  ];
}
