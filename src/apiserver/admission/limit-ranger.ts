// A namespace's LimitRanges: defaults for containers, and least and most for containers, pods and claims.
// Source: plugin/pkg/admission/limitranger admission.go.
import { limitranges } from '#api/resources.ts';
import type { ResourceList } from '#api/resource-lists.ts';
import type { Container, LimitRange, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { claimViolations, podViolations } from './limit-constraints.ts';
import { refusal } from './refusal.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

export function limitRanger({ reader }: { readonly reader: CacheReader }): MutatingPlugin & ValidatingPlugin {
  return {
    name: 'LimitRanger',
    operations: ['CREATE', 'UPDATE'],
    admit(attributes) {
      if (!supports(attributes) || attributes.resource.resource !== 'pods') return undefined;
      const pod = attributes.object as Pod;
      let filled = pod;
      for (const range of reader.list(limitranges, attributes.namespace)) filled = withDefaults(filled, range);
      return filled === pod ? undefined : filled;
    },
    validate(attributes) {
      if (!supports(attributes)) return;
      for (const range of reader.list(limitranges, attributes.namespace)) {
        const violations =
          attributes.resource.resource === 'pods'
            ? podViolations(attributes.object as Pod, range)
            : claimViolations(attributes.object as PersistentVolumeClaim, range);
        const texts = [...new Set(violations)];
        if (texts.length > 0) throw refusal(attributes, texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`);
      }
    },
  };
}

/** Containers of a pod change by resize only. Source: SupportsAttributes. */
function supports({ resource, subresource, operation, object, oldObject }: AdmissionAttributes): boolean {
  if (object === undefined || resource.group !== '' || oldObject?.metadata.deletionTimestamp !== undefined) return false;
  if (resource.resource === 'persistentvolumeclaims') return subresource === '';
  if (resource.resource !== 'pods') return false;
  return operation === 'CREATE' ? subresource === '' : subresource === 'resize';
}

interface Defaults {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

/** The same pod when nothing is added. */
function withDefaults(pod: Pod, { spec }: LimitRange): Pod {
  const ofContainers = (spec.limits ?? []).filter(({ type }) => type === 'Container');
  const defaults: Defaults = {
    requests: Object.assign({}, ...ofContainers.map(({ defaultRequest }) => defaultRequest)) as ResourceList,
    limits: Object.assign({}, ...ofContainers.map((limit) => limit.default)) as ResourceList,
  };
  const notes: string[] = [];
  const containers = pod.spec.containers.map((container) => filledContainer(container, 'container', defaults, notes));
  const initContainers = pod.spec.initContainers?.map((container) => filledContainer(container, 'init container', defaults, notes));
  if (notes.length === 0) return pod;
  const annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...pod.spec, containers, ...(initContainers === undefined ? {} : { initContainers }) },
  };
}

function filledContainer(container: Container, kind: string, defaults: Defaults, notes: string[]): Container {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const missing = (all: ResourceList, own: ResourceList): readonly string[] => Object.keys(all).filter((name) => own[name] === undefined);
  const [lackingRequests, lackingLimits] = [missing(defaults.requests, requests), missing(defaults.limits, limits)];
  for (const [names, what] of [
    [lackingRequests, 'request'],
    [lackingLimits, 'limit'],
  ] as const) {
    if (names.length > 0) notes.push(`${names.toSorted(byteOrder).join(', ')} ${what} for ${kind} ${container.name}`);
  }
  if (lackingRequests.length === 0 && lackingLimits.length === 0) return container;
  return {
    ...container,
    resources: {
      ...container.resources,
      ...(lackingLimits.length === 0 ? {} : { limits: { ...defaults.limits, ...limits } }),
      ...(lackingRequests.length === 0 ? {} : { requests: { ...defaults.requests, ...requests } }),
    },
  };
}
