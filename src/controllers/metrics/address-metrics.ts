// Networks that nodes get. Source: pkg/controller/nodeipam/ipam/cidrset metrics.go.
import { CounterFamily, exponentialBuckets, GaugeFamily, HistogramFamily } from '#base/metrics.ts';

const OF = ['clusterCIDR'];

export const networkMetrics = () =>
  ({
    allocations: new CounterFamily(
      'node_ipam_controller_cidrset_cidrs_allocations_total',
      'Counter measuring total number of CIDR allocations.',
      OF,
    ),
    releases: new CounterFamily(
      'node_ipam_controller_cidrset_cidrs_releases_total',
      'Counter measuring total number of CIDR releases.',
      OF,
    ),
    // Two letters have changed places in upstream's name.
    most: new GaugeFamily('node_ipam_controller_cirdset_max_cidrs', 'Maximum number of CIDRs that can be allocated.', OF),
    usage: new GaugeFamily('node_ipam_controller_cidrset_usage_cidrs', 'Gauge measuring percentage of allocated CIDRs.', OF),
    tries: new HistogramFamily(
      'node_ipam_controller_cidrset_allocation_tries_per_request',
      'Number of networks looked at for one that is free.',
      OF,
      exponentialBuckets(1, 5, 5),
    ),
  }) as const;
