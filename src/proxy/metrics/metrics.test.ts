import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import type { EndpointSlice } from '#api/types.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { service, slice } from '../testing.ts';
import { ProxyMetrics } from './metrics.ts';
import { withoutLocal } from './without-local.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const NODE = { name: 'n1', zone: undefined };

/** A slice whose pods changed this many milliseconds after the proxy began. */
function changed(owner: string, after: number): EndpointSlice {
  const one = slice(owner, { port: 8080 }, { ip: '10.244.0.1' });
  const at = new Date(START + after).toISOString();
  return { ...one, metadata: { ...one.metadata, annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': at } } };
}

function start(families: readonly IpFamily[] = ['IPv4']) {
  const clock = new ManualClock(START);
  const metrics = new ProxyMetrics(clock, families);
  const has = (...lines: readonly string[]): void => {
    const exposed = metrics.expose().split('\n');
    for (const line of lines) assert.ok(exposed.includes(line), `${line}\nnot in\n${exposed.join('\n')}`);
  };
  return { clock, metrics, has };
}

test('ProxyMetrics counts changes until they are in force, and times them from where they began', () => {
  const { clock, metrics, has } = start();
  has('kubeproxy_sync_proxy_rules_service_changes_total 0', 'kubeproxy_sync_proxy_rules_service_changes_pending 0');
  clock.advance(1_000);
  metrics.serviceChanged();
  metrics.sliceChanged(changed('web', 500));
  metrics.sliceChanged(changed('web', 900));
  metrics.sliceChanged(changed('early', -1));
  has('kubeproxy_sync_proxy_rules_endpoint_changes_pending 3', 'kubeproxy_sync_proxy_rules_service_changes_pending 1');
  metrics.began();
  metrics.serviceChanged();
  clock.advance(20);
  metrics.synced();
  has(
    'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1',
    'kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 0.52',
    'kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="0.5"} 0',
    'kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="1"} 1',
    'kubeproxy_sync_proxy_rules_duration_seconds_sum{ip_family="IPv4"} 0.02',
    'kubeproxy_sync_proxy_rules_endpoint_changes_pending 0',
    'kubeproxy_sync_proxy_rules_endpoint_changes_total 3',
    'kubeproxy_sync_proxy_rules_service_changes_pending 1',
    `kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"} ${START / 1_000 + 1}`,
    `kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} ${START / 1_000 + 1.02}`,
  );
});

test('ProxyMetrics keeps what a refused transaction carried, but for slices that went', () => {
  const { clock, metrics, has } = start();
  metrics.sliceChanged(changed('web', 0));
  const gone = changed('gone', 0);
  metrics.sliceChanged(gone);
  metrics.began();
  metrics.failed();
  metrics.sliceGone(gone);
  has(
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 1',
    'kubeproxy_sync_proxy_rules_endpoint_changes_pending 3',
  );
  clock.advance(2_000);
  metrics.began();
  metrics.synced();
  has(
    'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1',
    'kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 2',
    'kubeproxy_sync_proxy_rules_endpoint_changes_pending 0',
  );
});

test('ProxyMetrics tells answers of its health, and Services that find nothing on this node', () => {
  const { metrics, has } = start();
  metrics.answered('healthz', 503);
  const local = service('local', { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local', ports: [{}] });
  const count = (...nodes: readonly string[]) =>
    withoutLocal(local, [slice('local', { port: 8080 }, ...nodes.map((node, i) => ({ ip: `10.244.0.${i + 1}`, node })))], NODE, 'IPv4');
  assert.deepEqual(
    [count(), count('n1', 'n2'), count('n2')],
    [
      { internal: 0, external: 0 },
      { internal: 0, external: 0 },
      { internal: 1, external: 1 },
    ],
  );
  assert.equal(withoutLocal(service('any', { ports: [{}] }), [], NODE, 'IPv4'), undefined);
  metrics.withoutLocal('shop/local', 'IPv4', count('n2'));
  has(
    'kubeproxy_proxy_healthz_total{code="503"} 1',
    'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
    'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 1',
  );
  metrics.withoutLocal('shop/local', 'IPv4', undefined);
  has('kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 0');
});

test('ProxyMetrics tells of each family that there is, and of no other', () => {
  const { metrics, has } = start(['IPv6', 'IPv4']);
  metrics.withoutLocal('shop/web', 'IPv6', { internal: 1, external: 0 });
  metrics.sliceChanged(changed('web', 0));
  metrics.began();
  metrics.failed();
  metrics.began();
  metrics.synced();
  for (const family of ['IPv4', 'IPv6'])
    has(
      `kubeproxy_network_programming_duration_seconds_count{ip_family="${family}"} 1`,
      `kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="${family}"} 1`,
      `kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="${family}"} 1`,
      `kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="${family}"} ${START / 1_000}`,
      `kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="${family}",traffic_policy="internal"} ${family === 'IPv6' ? 1 : 0}`,
    );
  assert.ok(!start(['IPv6']).metrics.expose().includes('IPv4'));
});
