// pure
// The settings in use, in the form of KubeletConfiguration: `/configz`.
import { formatDuration } from '#apimachinery/duration.ts';
import type { KubeletConfig } from './config.ts';
import { FIELDS } from './fields.ts';
import { OTHER_FIELDS, otherValues } from './other-fields.ts';
import { showFields } from './shapes.ts';

const shapes = Object.fromEntries(Object.entries(FIELDS).map(([name, shape]) => [name, [shape] as const]));

/** Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration. */
export function configurationOf(config: KubeletConfig): Readonly<Record<string, unknown>> {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    ...showFields({ ...config }, shapes),
    ...showFields(otherValues({ port: config.port, ...config.others }), OTHER_FIELDS),
    crashLoopBackOff: { maxContainerRestartPeriod: formatDuration(config.maxContainerRestartPeriod) },
  };
}
