// A pod is not resized beyond what its node has at all. Source: plugin/pkg/admission/podresize admission.go.
import { nodes } from '#api/resources.ts';
import { podRequests } from '#api/pod-requests.ts';
import type { Node, Pod } from '#api/types.ts';
import { LABEL, RESOURCE } from '#api/well-known.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseQuantity, quantityMilliValue, quantityValue } from '#apimachinery/quantity.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

export function podResizeValidator({ reader }: { readonly reader: CacheReader }): ValidatingPlugin {
  return {
    name: 'PodResizeValidator',
    operations: ['UPDATE'],
    validate(attributes) {
      if (!concerns(attributes, '', 'pods', 'resize')) return;
      const [pod, old] = [attributes.object as Pod, attributes.oldObject as Pod];
      const { nodeName = '' } = pod.spec;
      if (nodeName === '' || pod.metadata.generation === old.metadata.generation) return;
      const node = reader.get(nodes, nodeName);
      if (node === undefined) throw refusal(attributes, `node ${goQuote(nodeName)} not found`);
      const os = node.metadata.labels?.[LABEL.os] ?? 'linux';
      if (os !== 'linux') {
        throw withCause(
          attributes,
          `pod resize is only supported on linux nodes, node ${goQuote(nodeName)} is ${goQuote(os)}`,
          'UnsupportedPlatform',
        );
      }
      const lacking = beyond(pod, node);
      if (lacking.length > 0)
        throw withCause(attributes, `node didn't have enough allocatable resources: ${lacking.join('; ')}`, 'NodeCapacity');
    },
  };
}

function beyond(pod: Pod, { status }: Node): readonly string[] {
  const requests = podRequests(pod);
  const allocatable = status.allocatable ?? {};
  return [RESOURCE.cpu, RESOURCE.memory].flatMap((name) => {
    const [asked, there] = [requests[name] ?? '0', allocatable[name] ?? '0'];
    if (parseQuantity(asked).cmp(parseQuantity(there)) <= 0) return [];
    const unit = name === RESOURCE.cpu ? quantityMilliValue : quantityValue;
    return [`${name}, requested: ${unit(asked)}, allocatable: ${unit(there)}`];
  });
}

function withCause(attributes: AdmissionAttributes, why: string, reason: string): StatusError {
  const error = refusal(attributes, why);
  return new StatusError(error.reason, error.message, { ...error.details, causes: [{ reason }] });
}
