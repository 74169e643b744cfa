// pure
// Where the proxy tells its health and its figures. Source: pkg/proxy/apis/config/v1alpha1 defaults.go.
import { ipFamilyOf } from '#apimachinery/ip.ts';

/** Source: pkg/cluster/ports ProxyHealthzPort. */
const HEALTHZ_PORT = 10_256;
/** Source: pkg/cluster/ports ProxyStatusPort. */
const METRICS_PORT = 10_249;

export interface BindAddress {
  /** An IP; `::` takes both families. */
  readonly host: string;
  readonly port: number;
}

export interface BindAddresses {
  /** The proxy's own health: for load balancers, so on every address. */
  readonly healthz: BindAddress;
  /** Figures and configuration: on the loopback, for nobody is asked who they are. */
  readonly metrics: BindAddress;
}

/** With pods of these networks, the main one first. */
export function defaultBindAddresses(podCIDRs: readonly string[]): BindAddresses {
  const families = podCIDRs.map(ipFamilyOf);
  return {
    healthz: { host: families.includes('IPv6') ? '::' : '0.0.0.0', port: HEALTHZ_PORT },
    metrics: { host: families[0] === 'IPv6' ? '::1' : '127.0.0.1', port: METRICS_PORT },
  };
}
