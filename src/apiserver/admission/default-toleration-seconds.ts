// Pods stay five minutes on a node that fails, unless they say otherwise.
// Source: plugin/pkg/admission/defaulttolerationseconds admission.go.
import type { Pod, Toleration } from '#api/types.ts';
import { TAINT } from '#api/well-known.ts';
import type { MutatingPlugin } from './contract.ts';
import { concerns } from './refusal.ts';

/** Source: --default-not-ready-toleration-seconds, --default-unreachable-toleration-seconds. */
const DEFAULT_SECONDS = 300;

export interface TolerationSeconds {
  readonly notReady?: number;
  readonly unreachable?: number;
}

export function defaultTolerationSeconds({
  notReady = DEFAULT_SECONDS,
  unreachable = DEFAULT_SECONDS,
}: TolerationSeconds = {}): MutatingPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    operations: ['CREATE', 'UPDATE'],
    admit(attributes) {
      if (!concerns(attributes, '', 'pods') || attributes.object === undefined) return undefined;
      const pod = attributes.object as Pod;
      const given = pod.spec.tolerations ?? [];
      const added = [
        ...(given.some(tolerates(TAINT.notReady)) ? [] : [toleration(TAINT.notReady, notReady)]),
        ...(given.some(tolerates(TAINT.unreachable)) ? [] : [toleration(TAINT.unreachable, unreachable)]),
      ];
      return added.length === 0 ? undefined : { ...pod, spec: { ...pod.spec, tolerations: [...given, ...added] } };
    },
  };
}

const tolerates =
  (taint: string) =>
  ({ key = '', effect }: Toleration): boolean =>
    (key === taint || key === '') && (effect === undefined || effect === 'NoExecute');

const toleration = (key: string, tolerationSeconds: number): Toleration => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds,
});
