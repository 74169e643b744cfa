// Where Services get their addresses and ports from.

export interface ServiceNetwork {
  /** `10.96.0.0/12`, and an IPv6 range after or before it for two families. */
  readonly cidrs: readonly string[];
  /** Inclusive. */
  readonly nodePorts: { readonly first: number; readonly last: number };
}

/** Source: kubeadm's and kube-apiserver's defaults. */
export const DEFAULT_SERVICE_NETWORK: ServiceNetwork = { cidrs: ['10.96.0.0/12'], nodePorts: { first: 30_000, last: 32_767 } };
