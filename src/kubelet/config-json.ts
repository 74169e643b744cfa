// pure
// The settings in use, in the form of KubeletConfiguration: `/configz`.
import { formatDuration } from '#apimachinery/duration.ts';
import type { KubeletConfig } from './config.ts';

/** Settings that are flags of upstream's kubelet, or its constants, and no fields of KubeletConfiguration. */
const NOT_SHOWN: ReadonlySet<string> = new Set<keyof KubeletConfig>([
  'nodeName',
  'nodeIPs',
  'hostnameOverride',
  'rootDir',
  'containerLogsDir',
  'nodeLabels',
  'evictionMonitoringPeriod',
  'imageGCPeriod',
  'containerGCPeriod',
  'maxPerPodContainerCount',
  'maxContainerRestartPeriod',
]);

/** Fields that hold a duration; here in milliseconds. */
const DURATIONS: ReadonlySet<string> = new Set<keyof KubeletConfig>([
  'fileCheckFrequency',
  'nodeStatusUpdateFrequency',
  'nodeStatusReportFrequency',
  'evictionPressureTransitionPeriod',
  'imageMinimumGCAge',
  'imageMaximumGCAge',
  'containerLogMonitorInterval',
]);

/** Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration. */
export function configurationOf(config: KubeletConfig): Readonly<Record<string, unknown>> {
  const fields = Object.entries(config).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (NOT_SHOWN.has(name) || value === undefined) return [];
    if (DURATIONS.has(name)) return [[name, formatDuration(value as number)]];
    if (name === 'evictionSoftGracePeriod') return [[name, spans(config.evictionSoftGracePeriod)]];
    return [[name, value]];
  });
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    ...Object.fromEntries(fields),
    crashLoopBackOff: { maxContainerRestartPeriod: formatDuration(config.maxContainerRestartPeriod) },
  };
}

const spans = (given: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(given).map(([signal, ms]) => [signal, formatDuration(ms)]));
