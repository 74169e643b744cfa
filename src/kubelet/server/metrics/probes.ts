// pure
// `/metrics/probes`: how probes came out. Source: pkg/kubelet/prober ProberResults.
import type { ProbeCount } from '../../probes/probe-manager.ts';
import type { Family } from './exposition.ts';

export function probeMetrics(counts: readonly ProbeCount[]): readonly Family[] {
  return [
    {
      name: 'prober_probe_total',
      help: '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
      type: 'counter',
      samples: counts.map(({ type, pod: { metadata }, container, outcome, count }) => ({
        labels: {
          container,
          namespace: metadata.namespace,
          pod: metadata.name,
          pod_uid: metadata.uid,
          probe_type: type,
          result: outcome,
        },
        value: count,
      })),
    },
  ];
}
