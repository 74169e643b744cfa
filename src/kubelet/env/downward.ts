// pure
// Values of the downward API: fields of the pod and resources of its containers.
import { ownValue } from '#api/json-object.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { Container, ObjectFieldSelector, Pod, ResourceFieldSelector } from '#api/types.ts';
import { milliOf, valueOf } from '../pod/amounts.ts';
import { containersOf } from '../pod/containers.ts';
import type { ResourceList } from '../pod/resources.ts';

/** What the pod object does not carry yet when its containers start. */
export interface DownwardFacts {
  /** In the order the status shows. */
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
  /** Allocatable resources of the node: limits of containers that have none. */
  readonly allocatable: ResourceList;
}

/** A reference the kubelet cannot resolve; the message is upstream's. */
export class DownwardError extends Error {
  override readonly name = 'DownwardError';
}

/** @throws DownwardError for a field that does not exist; Source: podFieldSelectorRuntimeValue */
export function fieldValue({ apiVersion, fieldPath }: ObjectFieldSelector, pod: Pod, facts: DownwardFacts): string {
  if (apiVersion !== undefined && apiVersion !== '' && apiVersion !== 'v1')
    throw new DownwardError(`unsupported pod version: ${apiVersion}`);
  switch (fieldPath) {
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIPs.join(',');
    case 'status.podIP':
      return facts.podIPs[0] ?? '';
    case 'status.podIPs':
      return facts.podIPs.join(',');
    default:
      return metadataValue(fieldPath, pod);
  }
}

const SUBSCRIPT = /^metadata\.(annotations|labels)\['(.*)'\]$/;

/** Source: fieldpath.ExtractFieldPathAsString. */
function metadataValue(path: string, { metadata }: Pod): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript !== null) return ownValue(metadata[subscript[1] as 'annotations' | 'labels'], subscript[2] as string) ?? '';
  switch (path) {
    case 'metadata.annotations':
      return formatMap(metadata.annotations ?? {});
    case 'metadata.labels':
      return formatMap(metadata.labels ?? {});
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace;
    case 'metadata.uid':
      return metadata.uid;
    default:
      throw new DownwardError(`field label not supported: ${path}`);
  }
}

/** One `key="value"` a line, sorted. Source: fieldpath.FormatMap. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${goQuote(map[key] as string)}`)
    .join('\n');
}

/**
 * @throws DownwardError for an unknown container or resource
 * Source: ExtractContainerResourceValue, defaultPodLimitsForDownwardAPI
 */
export function resourceValue(selector: ResourceFieldSelector, pod: Pod, own: Container | undefined, facts: DownwardFacts): string {
  const container = selector.containerName === undefined || selector.containerName === '' ? own : findByName(pod, selector.containerName);
  if (container === undefined) throw new DownwardError(`container ${selector.containerName ?? ''} not found`);
  const { limits = {}, requests = {} } = container.resources ?? {};
  const dot = selector.resource.indexOf('.');
  const side = selector.resource.slice(0, dot);
  const name = selector.resource.slice(dot + 1);
  const known = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-');
  if (!known || (side !== 'limits' && side !== 'requests'))
    throw new DownwardError(`unsupported container resource : ${selector.resource}`);
  const quantity = side === 'limits' ? (isSet(name, limits[name]) ? limits[name] : facts.allocatable[name]) : requests[name];
  const divisor = selector.divisor === undefined || valueOf(selector.divisor) === 0 ? '1' : selector.divisor;
  // CPU is divided in millicores, everything else in whole units; both round up.
  if (name === 'cpu') return String(Math.ceil(milliOf(quantity) / milliOf(divisor)));
  return String(Math.ceil(valueOf(quantity) / valueOf(divisor)));
}

function isSet(name: string, quantity: string | undefined): quantity is string {
  return quantity !== undefined && (name === 'cpu' ? milliOf(quantity) : valueOf(quantity)) !== 0;
}

function findByName(pod: Pod, name: string): Container | undefined {
  for (const { container, kind } of containersOf(pod.spec)) if (kind !== 'ephemeral' && container.name === name) return container;
  return undefined;
}
