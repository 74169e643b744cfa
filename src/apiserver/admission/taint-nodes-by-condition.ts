// A new node takes no pods before it is known to be ready. Source: plugin/pkg/admission/nodetaint admission.go.
import type { Node } from '#api/types.ts';
import { TAINT } from '#api/well-known.ts';
import type { MutatingPlugin } from './contract.ts';
import { concerns } from './refusal.ts';

export const taintNodesByCondition: MutatingPlugin = {
  name: 'TaintNodesByCondition',
  operations: ['CREATE'],
  admit(attributes) {
    if (!concerns(attributes, '', 'nodes') || attributes.object === undefined) return undefined;
    const node = attributes.object as Node;
    const taints = node.spec.taints ?? [];
    if (taints.some(({ key, effect }) => key === TAINT.notReady && effect === 'NoSchedule')) return undefined;
    return { ...node, spec: { ...node.spec, taints: [...taints, { key: TAINT.notReady, effect: 'NoSchedule' as const }] } };
  },
};
