// What controllers behind closed gates count, under upstream's names. Source: clustertrustbundlepublisher metrics.go,
// resourcepoolstatusrequest/metrics.
import { CounterFamily, exponentialBuckets, HistogramFamily } from '#base/metrics.ts';

const FROM_MILLISECOND = exponentialBuckets(0.001, 2, 15);

export const trustBundleMetrics = () =>
  ({
    syncs: new CounterFamily(
      'clustertrustbundle_publisher_sync_total',
      'Number of syncs that occurred in cluster trust bundle publisher.',
      ['code'],
    ),
    syncSeconds: new HistogramFamily(
      'clustertrustbundle_publisher_sync_duration_seconds',
      'The time it took to sync a cluster trust bundle.',
      ['code'],
      FROM_MILLISECOND,
    ),
  }) as const;

const POOLS = 'resourcepoolstatusrequest_controller';

export const poolStatusMetrics = () =>
  ({
    processed: new CounterFamily(`${POOLS}_requests_processed_total`, 'Total number of ResourcePoolStatusRequests successfully processed', [
      'driver_name',
    ]),
    errors: new CounterFamily(
      `${POOLS}_request_processing_errors_total`,
      'Total number of errors encountered while processing ResourcePoolStatusRequests',
      ['driver_name'],
    ),
    seconds: new HistogramFamily(
      `${POOLS}_request_processing_duration_seconds`,
      'Time taken to process a ResourcePoolStatusRequest',
      ['driver_name'],
      FROM_MILLISECOND,
    ),
  }) as const;
