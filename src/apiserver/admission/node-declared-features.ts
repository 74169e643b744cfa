// A bound pod is not changed into what its node's kubelet cannot do.
// Source: plugin/pkg/admission/nodedeclaredfeatures; component-helpers nodedeclaredfeatures/features. Only what an update
// can ask for, of the features that are on in v1.36.
import { isSidecar } from '#api/pods.ts';
import { nodes } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { semanticEqual } from '#api/validation/semantic-equality.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

type Asks = (pod: Pod, old: Pod) => boolean;

/** By the names kubelets declare them by, in order. */
const FEATURES: readonly (readonly [name: string, asks: Asks])[] = [
  ['InPlacePodLevelResourcesVerticalScaling', (pod, old) => !semanticEqual(pod.spec.resources, old.spec.resources)],
  [
    'InPlacePodVerticalScalingInitContainers',
    (pod, old) =>
      (old.spec.initContainers ?? []).some(
        (container, i) => !isSidecar(container) && !semanticEqual(container.resources, pod.spec.initContainers?.[i]?.resources),
      ),
  ],
];

export function nodeDeclaredFeatureValidator({ reader }: { readonly reader: CacheReader }): ValidatingPlugin {
  return {
    name: 'NodeDeclaredFeatureValidator',
    operations: ['UPDATE'],
    validate(attributes) {
      if (!concerns(attributes, '', 'pods', '') && !concerns(attributes, '', 'pods', 'resize')) return;
      const [pod, old] = [attributes.object as Pod, attributes.oldObject as Pod];
      const { nodeName = '' } = pod.spec;
      if (nodeName === '') return;
      const needed = FEATURES.filter(([, asks]) => asks(pod, old)).map(([name]) => name);
      if (needed.length === 0) return;
      const node = reader.get(nodes, nodeName);
      if (node === undefined) throw refusal(attributes, `node ${goQuote(nodeName)} not found`);
      const lacking = needed.filter((name) => node.status.declaredFeatures?.includes(name) !== true);
      if (lacking.length === 0) return;
      throw refusal(attributes, `pod update requires features ${lacking.join(', ')} which are not available on node ${goQuote(nodeName)}`);
    },
  };
}
