// What the controllers of EndpointSlices count. Source: k8s.io/endpointslice metrics, pkg/controller/endpointslicemirroring/metrics.
import { CounterFamily, DEFAULT_BUCKETS, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';

const MIRRORING = 'endpoint_slice_mirroring_controller';
const FROM_MILLISECOND = exponentialBuckets(0.001, 2, 15);
const ENDPOINTS = exponentialBuckets(2, 2, 15);

export const endpointSliceMetrics = () =>
  ({
    added: new HistogramFamily(
      'endpoint_slice_controller_endpoints_added_per_sync',
      'Number of endpoints added on each Service sync',
      [],
      ENDPOINTS,
    ),
    removed: new HistogramFamily(
      'endpoint_slice_controller_endpoints_removed_per_sync',
      'Number of endpoints removed on each Service sync',
      [],
      ENDPOINTS,
    ),
    desired: new GaugeFamily('endpoint_slice_controller_endpoints_desired', 'Number of endpoints desired'),
    slices: new GaugeFamily('endpoint_slice_controller_num_endpoint_slices', 'Number of EndpointSlices'),
    desiredSlices: new GaugeFamily(
      'endpoint_slice_controller_desired_endpoint_slices',
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: new CounterFamily('endpoint_slice_controller_changes', 'Number of EndpointSlice changes', ['operation']),
    changedPerSync: new HistogramFamily(
      'endpoint_slice_controller_endpointslices_changed_per_sync',
      'Number of EndpointSlices changed on each Service sync',
      ['topology', 'traffic_distribution'],
      DEFAULT_BUCKETS,
    ),
    syncs: new CounterFamily('endpoint_slice_controller_syncs', 'Number of EndpointSlice syncs', ['result']),
    byDistribution: new GaugeFamily(
      'endpoint_slice_controller_services_count_by_traffic_distribution',
      'Number of Services using some specific trafficDistribution',
      ['traffic_distribution'],
    ),
  }) as const;

export const mirroringMetrics = () =>
  ({
    added: new HistogramFamily(`${MIRRORING}_endpoints_added_per_sync`, 'Number of endpoints added on each Endpoints sync', [], ENDPOINTS),
    updated: new HistogramFamily(
      `${MIRRORING}_endpoints_updated_per_sync`,
      'Number of endpoints updated on each Endpoints sync',
      [],
      ENDPOINTS,
    ),
    removed: new HistogramFamily(
      `${MIRRORING}_endpoints_removed_per_sync`,
      'Number of endpoints removed on each Endpoints sync',
      [],
      ENDPOINTS,
    ),
    skipped: new HistogramFamily(
      `${MIRRORING}_addresses_skipped_per_sync`,
      'Number of addresses skipped on each Endpoints sync due to being invalid or exceeding MaxEndpointsPerSubset',
      [],
      ENDPOINTS,
    ),
    seconds: new HistogramFamily(`${MIRRORING}_endpoints_sync_duration`, 'Duration of syncEndpoints() in seconds', [], FROM_MILLISECOND),
    desired: new GaugeFamily(`${MIRRORING}_endpoints_desired`, 'Number of endpoints desired'),
    slices: new GaugeFamily(`${MIRRORING}_num_endpoint_slices`, 'Number of EndpointSlices'),
    desiredSlices: new GaugeFamily(
      `${MIRRORING}_desired_endpoint_slices`,
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: new CounterFamily(`${MIRRORING}_changes`, 'Number of EndpointSlice changes', ['operation']),
  }) as const;
