// pure
// Which flags single components have, under upstream's names.
import { TUNING_FLAGS } from './tuning-flags.ts';

export interface ComponentFlag {
  /** Without dashes. */
  readonly name: string;
  /** What stands for the value in help; absent for a switch, which takes `true` or `false`. */
  readonly argument?: string;
  readonly description: string;
  readonly fallback?: string;
  readonly required?: true;
}

export interface ComponentDescription {
  readonly description: string;
  readonly flags: readonly ComponentFlag[];
}

const KUBECONFIG: ComponentFlag = {
  name: 'kubeconfig',
  argument: 'FILE',
  description: 'how the API server is reached, and as whom',
  required: true,
};
/** Source: component-base config/options BindLeaderElectionFlags. */
const leaderElection = (lease: string): readonly ComponentFlag[] => [
  { name: 'leader-elect', description: 'work only while this copy holds the Lease of its component', fallback: 'true' },
  { name: 'leader-elect-lease-duration', argument: 'TIME', description: 'others wait this long for a silent leader', fallback: '15s' },
  {
    name: 'leader-elect-renew-deadline',
    argument: 'TIME',
    description: 'a leader stops that could not renew for this long',
    fallback: '10s',
  },
  { name: 'leader-elect-retry-period', argument: 'TIME', description: 'between attempts to get or renew the Lease', fallback: '2s' },
  { name: 'leader-elect-resource-name', argument: 'NAME', description: 'name of the Lease', fallback: lease },
  { name: 'leader-elect-resource-namespace', argument: 'NAME', description: 'its namespace', fallback: 'kube-system' },
];
const FEATURE_GATES: ComponentFlag = {
  name: 'feature-gates',
  argument: 'GATES',
  description: 'features to turn on or off, Name=true by comma',
  fallback: '',
};
const LOG_LEVEL: ComponentFlag = { name: 'log-level', argument: 'LEVEL', description: 'debug, info, warn or error', fallback: 'info' };

const CLUSTER_CIDR: ComponentFlag = {
  name: 'cluster-cidr',
  argument: 'CIDRS',
  description: 'network of pod addresses, or one of each family by comma',
  fallback: '10.244.0.0/16',
};

/** Health and figures of a component. */
const serving = (port: string): readonly ComponentFlag[] => [
  { name: 'bind-address', argument: 'IP', description: 'address to serve health and figures on', fallback: '0.0.0.0' },
  { name: 'secure-port', argument: 'PORT', description: 'port to serve them on; 0: none', fallback: port },
  { name: 'tls-cert-file', argument: 'FILE', description: 'serving certificate; without one the component makes its own' },
  { name: 'tls-private-key-file', argument: 'FILE', description: 'its key' },
];

export const COMPONENTS = {
  apiserver: {
    description: 'the API server alone, on etcd or the embedded store. Follows kube-apiserver',
    flags: [
      { name: 'etcd-servers', argument: 'URLS', description: 'etcd members by comma; without any, the embedded store in --data-dir' },
      { name: 'etcd-cafile', argument: 'FILE', description: "authority of etcd's certificates" },
      { name: 'etcd-certfile', argument: 'FILE', description: 'certificate shown to etcd' },
      { name: 'etcd-keyfile', argument: 'FILE', description: 'its key' },
      { name: 'data-dir', argument: 'DIR', description: 'folder of the embedded store', fallback: '/var/lib/proa/store' },
      { name: 'bind-address', argument: 'IP', description: 'address to listen on', fallback: '0.0.0.0' },
      { name: 'secure-port', argument: 'PORT', description: 'port to listen on', fallback: '6443' },
      {
        name: 'advertise-address',
        argument: 'IP',
        description: 'address that clients in the cluster use (--bind-address, or that of the default route)',
      },
      {
        name: 'cert-dir',
        argument: 'DIR',
        description: 'folder of apiserver.crt and apiserver.key, which are made if they are missing and no other ones are given',
        fallback: '/var/run/kubernetes',
      },
      { name: 'tls-cert-file', argument: 'FILE', description: 'serving certificate' },
      { name: 'tls-private-key-file', argument: 'FILE', description: 'its key' },
      { name: 'client-ca-file', argument: 'FILE', description: 'authority of client certificates' },
      { name: 'requestheader-client-ca-file', argument: 'FILE', description: 'authority of front proxies' },
      { name: 'proxy-client-cert-file', argument: 'FILE', description: 'certificate shown to aggregated API servers' },
      { name: 'proxy-client-key-file', argument: 'FILE', description: 'its key' },
      { name: 'service-account-signing-key-file', argument: 'FILE', description: 'key that signs their tokens', required: true },
      { name: 'kubelet-client-certificate', argument: 'FILE', description: 'certificate shown to kubelets' },
      { name: 'kubelet-client-key', argument: 'FILE', description: 'its key' },
      {
        name: 'kubelet-certificate-authority',
        argument: 'FILE',
        description: "authority of kubelets' certificates; without one they are not verified",
      },
      {
        name: 'service-cluster-ip-range',
        argument: 'CIDRS',
        description: 'network of Service addresses, or one of each family',
        fallback: '10.96.0.0/12',
      },
      { name: 'service-node-port-range', argument: 'FROM-TO', description: 'ports of NodePort Services', fallback: '30000-32767' },
      LOG_LEVEL,
    ],
  },
  scheduler: {
    description: 'the scheduler alone. Follows kube-scheduler',
    flags: [
      KUBECONFIG,
      { name: 'config', argument: 'FILE', description: 'KubeSchedulerConfiguration (v1), YAML' },
      ...serving('10259'),
      ...leaderElection('kube-scheduler'),
      FEATURE_GATES,
      LOG_LEVEL,
    ],
  },
  'controller-manager': {
    description: 'the controllers alone. Follows kube-controller-manager',
    flags: [
      KUBECONFIG,
      CLUSTER_CIDR,
      {
        name: 'node-cidr-mask-size',
        argument: 'BITS',
        description: "prefix length of one node's pod network, in a cluster of one family (24, or 64 of IPv6)",
      },
      { name: 'node-cidr-mask-size-ipv4', argument: 'BITS', description: 'the same of its IPv4 network' },
      { name: 'node-cidr-mask-size-ipv6', argument: 'BITS', description: 'the same of its IPv6 network' },
      {
        name: 'service-cluster-ip-range',
        argument: 'CIDRS',
        description: 'network of Services, or one of each family: set aside where it is part of --cluster-cidr',
      },
      { name: 'root-ca-file', argument: 'FILE', description: 'authority that pods trust the API server by', required: true },
      { name: 'cluster-signing-cert-file', argument: 'FILE', description: 'authority that signs certificate requests' },
      { name: 'cluster-signing-key-file', argument: 'FILE', description: 'its key' },
      {
        name: 'controllers',
        argument: 'NAMES',
        description: 'which run, by comma: * for all but bootstrap-signer-controller and token-cleaner-controller, NAME, -NAME',
        fallback: '*',
      },
      {
        name: 'use-service-account-credentials',
        description: 'each controller acts as its own service account, as its role wants it',
        fallback: 'true',
      },
      {
        name: 'disable-force-detach-on-timeout',
        description: 'nodes that are not ready keep the volumes they use, however long',
        fallback: 'false',
      },
      ...TUNING_FLAGS,
      ...serving('10257'),
      ...leaderElection('kube-controller-manager'),
      FEATURE_GATES,
      LOG_LEVEL,
    ],
  },
  kubelet: {
    description: 'the kubelet alone, with a container runtime that runs already. Follows kubelet',
    flags: [
      KUBECONFIG,
      { name: 'hostname-override', argument: 'NAME', description: 'name of this node', required: true },
      { name: 'node-ip', argument: 'IP', description: 'address of this node, or one of each family by comma', required: true },
      {
        name: 'container-runtime-endpoint',
        argument: 'SOCKET',
        description: 'CRI socket',
        fallback: 'unix:///run/containerd/containerd.sock',
      },
      { name: 'root-dir', argument: 'DIR', description: "folder of pods' volumes", fallback: '/var/lib/kubelet' },
      { name: 'cgroup-root', argument: 'PATH', description: 'cgroup that pods lie below', fallback: '/' },
      { name: 'pod-manifest-path', argument: 'DIR', description: 'folder of static pods' },
      { name: 'node-labels', argument: 'LABELS', description: 'labels of this node when it registers, by comma: KEY=VALUE', fallback: '' },
      { name: 'config', argument: 'FILE', description: 'KubeletConfiguration (v1beta1), YAML: evictions, reservations, images, logs' },
      {
        name: 'image-credential-provider-config',
        argument: 'FILE',
        description: 'CredentialProviderConfig (v1), YAML, or a folder of them: programs that know credentials of registries',
        fallback: '',
      },
      { name: 'image-credential-provider-bin-dir', argument: 'DIR', description: 'folder of these programs', fallback: '' },
      { name: 'cluster-dns', argument: 'IP', description: 'address of the cluster DNS', fallback: '10.96.0.10' },
      { name: 'cluster-domain', argument: 'DOMAIN', description: 'DNS domain of the cluster', fallback: 'cluster.local' },
      { name: 'resolv-conf', argument: 'FILE', description: "the node's resolver configuration", fallback: '/etc/resolv.conf' },
      { name: 'address', argument: 'IP', description: 'address to listen on', fallback: '0.0.0.0' },
      { name: 'port', argument: 'PORT', description: 'port to listen on', fallback: '10250' },
      { name: 'tls-cert-file', argument: 'FILE', description: 'serving certificate', required: true },
      { name: 'tls-private-key-file', argument: 'FILE', description: 'its key', required: true },
      { name: 'client-ca-file', argument: 'FILE', description: 'authority of client certificates', required: true },
      LOG_LEVEL,
    ],
  },
  proxy: {
    description: 'the service proxy alone. Follows kube-proxy in nftables mode',
    flags: [
      KUBECONFIG,
      { name: 'hostname-override', argument: 'NAME', description: 'name of this node', required: true },
      CLUSTER_CIDR,
      {
        name: 'nodeport-addresses',
        argument: 'CIDRS',
        description: 'networks whose addresses of this node serve node ports, or `primary` for those that the node object tells',
        fallback: 'primary',
      },
      {
        name: 'healthz-bind-address',
        argument: 'IP:PORT',
        description: "where the proxy's own health is served (0.0.0.0:10256, or [::]:10256 with pods of IPv6)",
      },
      {
        name: 'metrics-bind-address',
        argument: 'IP:PORT',
        description: 'where figures are served, to whoever asks (127.0.0.1:10249, or [::1]:10249 with pods of IPv6 first)',
      },
      LOG_LEVEL,
    ],
  },
  hollow: {
    description: 'nodes without containers, for tests of scale: their pods start, become ready and end by stages',
    flags: [
      { ...KUBECONFIG, description: 'how the API server is reached, as somebody who may impersonate nodes' },
      { name: 'nodes', argument: 'N', description: 'how many', fallback: '10' },
      { name: 'prefix', argument: 'NAME', description: 'their names are NAME-0, NAME-1, …', fallback: 'hollow' },
      {
        name: 'stages',
        argument: 'FILE',
        description: 'delays, exit codes and failure rates of pods, YAML or JSON (src/hollow/README.md)',
      },
      { name: 'cpu', argument: 'QUANTITY', description: 'CPU of each', fallback: '8' },
      { name: 'memory', argument: 'QUANTITY', description: 'memory of each', fallback: '32Gi' },
      { name: 'pods', argument: 'N', description: 'pods that fit on each', fallback: '110' },
      { name: 'workers', argument: 'N', description: 'writes under way at a time', fallback: '100' },
      { name: 'keep', description: 'leave the nodes in the API at the end', fallback: 'false' },
      LOG_LEVEL,
    ],
  },
} as const satisfies Readonly<Record<string, ComponentDescription>>;

export type ComponentName = keyof typeof COMPONENTS;
