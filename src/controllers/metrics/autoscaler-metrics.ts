// What the HorizontalPodAutoscaler controller counts. Source: pkg/controller/podautoscaler/monitor.
import { CounterFamily, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';

const FROM_MILLISECOND = exponentialBuckets(0.001, 2, 15);
const ACTION = ['action', 'error'];
const COMPUTATION = ['action', 'error', 'metric_type'];

export const autoscalerMetrics = () =>
  ({
    reconciliations: new CounterFamily(
      'horizontal_pod_autoscaler_controller_reconciliations_total',
      'Number of reconciliations of HPA controller, by action (scale_down, scale_up, none) and error (spec, internal, none).',
      ACTION,
    ),
    reconciliationSeconds: new HistogramFamily(
      'horizontal_pod_autoscaler_controller_reconciliation_duration_seconds',
      'Seconds that the HPA controller takes to reconcile once, by action and error.',
      ACTION,
      FROM_MILLISECOND,
    ),
    computations: new CounterFamily(
      'horizontal_pod_autoscaler_controller_metric_computation_total',
      'Number of metric computations, by action (scale_down, scale_up, none), error (spec, internal, none) and type of the metric.',
      COMPUTATION,
    ),
    computationSeconds: new HistogramFamily(
      'horizontal_pod_autoscaler_controller_metric_computation_duration_seconds',
      'Seconds that the HPA controller takes to calculate one metric, by action, error and type of the metric.',
      COMPUTATION,
      FROM_MILLISECOND,
    ),
    count: new GaugeFamily(
      'horizontal_pod_autoscaler_controller_num_horizontal_pod_autoscalers',
      'Current number of controlled HPA objects.',
    ),
    desired: new GaugeFamily('horizontal_pod_autoscaler_controller_desired_replicas', 'Current desired replica count for HPA objects.', [
      'namespace',
      'hpa_name',
    ]),
  }) as const;
