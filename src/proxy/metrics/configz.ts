// pure
// The proxy's configuration in use as `/configz` tells it, in the names of upstream's internal type. Source: cmd/kube-proxy
// app/server.go, pkg/proxy/apis/config types.go, v1alpha1 defaults.go.
import { CLOSE_WAIT_SECONDS, ESTABLISHED_SECONDS, LEAST_TRACKED, TRACKED_PER_CORE } from '#base/connection-tracking.ts';
import { formatDuration } from '#apimachinery/duration.ts';
import { joinHostPort } from '#apimachinery/ip.ts';
import type { BindAddresses } from '../bind-addresses.ts';

export interface ProxySettings {
  readonly nodeName: string;
  readonly podCIDRs: readonly string[];
  readonly bindAddresses: BindAddresses;
  /** Networks that serve node ports. */
  readonly nodePortAddresses: readonly string[];
}

export const configz = ({ nodeName, podCIDRs, bindAddresses, nodePortAddresses }: ProxySettings): object => ({
  'kubeproxy.config.k8s.io': {
    Linux: {
      Conntrack: {
        MaxPerCore: TRACKED_PER_CORE,
        Min: LEAST_TRACKED,
        TCPEstablishedTimeout: formatDuration(ESTABLISHED_SECONDS * 1_000),
        TCPCloseWaitTimeout: formatDuration(CLOSE_WAIT_SECONDS * 1_000),
        TCPBeLiberal: true,
        UDPTimeout: '0s',
        UDPStreamTimeout: '0s',
      },
      MasqueradeAll: false,
      OOMScoreAdj: null,
    },
    Windows: { RunAsService: false },
    FeatureGates: {},
    ClientConnection: { Kubeconfig: '', AcceptContentTypes: '', ContentType: 'application/vnd.kubernetes.protobuf', QPS: 5, Burst: 10 },
    Logging: {
      format: 'text',
      flushFrequency: '5s',
      verbosity: 0,
      options: { text: { infoBufferSize: '0' }, json: { infoBufferSize: '0' } },
    },
    HostnameOverride: nodeName,
    BindAddress: '0.0.0.0',
    HealthzBindAddress: joinHostPort(bindAddresses.healthz.host, bindAddresses.healthz.port),
    MetricsBindAddress: joinHostPort(bindAddresses.metrics.host, bindAddresses.metrics.port),
    BindAddressHardFail: false,
    EnableProfiling: false,
    ShowHiddenMetricsForVersion: '',
    Mode: 'nftables',
    IPTables: { MasqueradeBit: 14, LocalhostNodePorts: true },
    IPVS: { Scheduler: '', ExcludeCIDRs: null, StrictARP: false, TCPTimeout: '0s', TCPFinTimeout: '0s', UDPTimeout: '0s' },
    Winkernel: { NetworkName: '', SourceVip: '', EnableDSR: false, RootHnsEndpointName: '', ForwardHealthCheckVip: false },
    NFTables: { MasqueradeBit: 14 },
    DetectLocalMode: 'ClusterCIDR',
    DetectLocal: { BridgeInterface: '', ClusterCIDRs: podCIDRs, InterfaceNamePrefix: '' },
    NodePortAddresses: nodePortAddresses,
    SyncPeriod: '10s',
    MinSyncPeriod: '0s',
    ConfigSyncPeriod: '15m0s',
  },
});
