// pure
// The settings of a machine: each is a key of the configuration file and a flag, described once here.
import { API_SERVER_SETTINGS, type ApiServerSettings } from './api-server.ts';
import { address, addresses, type Family, firstOf, networks, nodePortAddresses, urlHost } from './networks.ts';
import { bad, labelList, ok, path, type Parsed, optionalPath } from './value.ts';

/** Where lasting state is unless another folder is named. */
export const DATA_DIR = '/var/lib/proa';

/** Everything `proa up` and the components read. Made by resolveSettings, never changed after. */
export interface Settings extends ApiServerSettings {
  readonly dataDir: string;
  readonly runDir: string;
  readonly nodeName: string;
  /** Which families the ranges have unless they are given; `auto`: as those that are given. */
  readonly ipFamily: 'auto' | 'ipv4' | 'ipv6' | 'dual';
  /** Address other nodes and the API server reach this node at, or one of each family by comma, the main one first. */
  readonly nodeIP: string;
  readonly bindAddress: string;
  readonly port: number;
  readonly kubeletPort: number;
  /** As `nodeIP`: one, or one of each family. The first family is that of pods' main addresses. */
  readonly podCIDR: string;
  /** As `nodeIP`. The first family is that of a Service that does not say which it wants. */
  readonly serviceCIDR: string;
  readonly nodePortRange: string;
  /** Where this node serves node ports: `primary`, or networks; none: at every address. */
  readonly nodePortAddresses: readonly string[];
  /** As `nodeIP`. */
  readonly clusterDNS: string;
  readonly clusterDomain: string;
  /** `embedded`, or `etcd://host:port[,host:port]`. */
  readonly store: string;
  /** PEM files for etcd by TLS; empty for none. */
  readonly storeCAFile: string;
  readonly storeCertFile: string;
  readonly storeKeyFile: string;
  /** KubeSchedulerConfiguration (v1), YAML; empty for upstream's defaults. */
  readonly schedulerConfig: string;
  /** Nodes on this machine: the first is the machine itself, each further one a network namespace. */
  readonly nodes: number;
  /** Network that joins the nodes of this machine; as `nodeIP`. */
  readonly nodeCIDR: string;
  /** Below which cgroup pods lie. */
  readonly cgroupRoot: string;
  /** Folder of static pods; empty for none. */
  readonly podManifestPath: string;
  /** `key=value` each, for the nodes of this machine when they register. */
  readonly nodeLabels: readonly string[];
  /** KubeletConfiguration (v1beta1) of this machine's nodes, YAML; empty for upstream's defaults. */
  readonly kubeletConfig: string;
  /** CredentialProviderConfig of this machine's nodes, or a folder of them, and where its programs lie; empty for none. */
  readonly imageCredentialProviderConfig: string;
  readonly imageCredentialProviderBinDir: string;
  /** The API server an agent joins: `https://host:port`; empty on the machine that has it. */
  readonly server: string;
  /** Empty: Proa runs its own containerd. */
  readonly containerRuntimeEndpoint: string;
  /** Where that runtime looks for CNI configuration; empty: where it says it does. */
  readonly cniConfDir: string;
  /** Where `proa up` merges its context in. */
  readonly kubeconfig: string;
  /** More names and addresses of the API server, for its certificate. */
  readonly tlsNames: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** MiB a log file may have before it is moved aside. */
  readonly logMaxSize: number;
}

export interface Setting<K extends keyof Settings = keyof Settings> {
  readonly key: K;
  /** Without dashes: `pod-cidr`. */
  readonly flag: string;
  /** What stands for the value in help: `CIDR`. */
  readonly argument: string;
  readonly description: string;
  /** Absent where the machine decides (node name, address). */
  readonly fallback?: string;
  /** Instead of `fallback` in a cluster of IPv6, and after it or before it in one of both. */
  readonly fallback6?: string;
  parse(text: string): Parsed<Settings[K]>;
}

const port = (text: string): Parsed<number> =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535 ? ok(Number(text)) : bad('is not a port from 1 to 65535');

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const domain = (value: string): Parsed<string> =>
  DNS_SUBDOMAIN.test(value) && value.length <= 253 ? ok(value) : bad('is not a lower-case DNS name');

const setting = <K extends keyof Settings>(row: Setting<K>): Setting => row as unknown as Setting;

/** As a gRPC address, of a runtime that is not ours. */
export const runtimeEndpoint = ({ containerRuntimeEndpoint }: Pick<Settings, 'containerRuntimeEndpoint'>): string =>
  `unix://${containerRuntimeEndpoint.replace(/^unix:\/\//, '')}`;

/** Where clients find the API server: the address it listens on, or the node's main one where it listens on all. */
export function apiServerAddress({ bindAddress, nodeIP }: Pick<Settings, 'bindAddress' | 'nodeIP'>): string {
  return bindAddress === '0.0.0.0' || bindAddress === '::' ? firstOf(nodeIP) : bindAddress;
}

export function apiServerURL(settings: Pick<Settings, 'bindAddress' | 'nodeIP' | 'port'>): string {
  return `https://${urlHost(apiServerAddress(settings))}:${settings.port}`;
}

const FAMILIES: Readonly<Record<'ipv4' | 'ipv6' | 'dual', readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  dual: ['IPv4', 'IPv6'],
};

const isFamilyChoice = (text: string): text is keyof typeof FAMILIES => text in FAMILIES;

/** What `ipFamily` asks for; undefined where the ranges say it. */
export const wantedFamilies = (text: string): readonly Family[] | undefined => (isFamilyChoice(text) ? FAMILIES[text] : undefined);

/** In the order of `--help`. Defaults are kubeadm's, but for Proa's own folders. */
export const SETTINGS: readonly Setting[] = [
  setting({ key: 'port', flag: 'port', argument: 'PORT', description: 'port of the API server', fallback: '6443', parse: port }),
  setting({
    key: 'bindAddress',
    flag: 'bind-address',
    argument: 'IP',
    description: 'address the API server listens on',
    fallback: '0.0.0.0',
    fallback6: '::',
    parse: address,
  }),
  setting({
    key: 'ipFamily',
    flag: 'ip-family',
    argument: 'FAMILY',
    description: 'ipv4, ipv6 or dual: which networks there are where they are not given',
    fallback: 'auto',
    parse: (value) => (value === 'auto' || isFamilyChoice(value) ? ok(value) : bad('is not ipv4, ipv6 or dual')),
  }),
  setting({
    key: 'podCIDR',
    flag: 'pod-cidr',
    argument: 'CIDR',
    description: 'network of pod addresses, or one of each family by comma',
    fallback: '10.244.0.0/16',
    fallback6: 'fd00:10:244::/56',
    parse: networks,
  }),
  setting({
    key: 'serviceCIDR',
    flag: 'service-cidr',
    argument: 'CIDR',
    description: 'network of Service addresses, or one of each family by comma',
    fallback: '10.96.0.0/12',
    fallback6: 'fd00:10:96::/112',
    parse: networks,
  }),
  setting({
    key: 'nodePortRange',
    flag: 'node-port-range',
    argument: 'FROM-TO',
    description: 'ports of NodePort Services',
    fallback: '30000-32767',
    parse(value) {
      const [from, to, ...rest] = value.split('-').map(port);
      if (from?.ok !== true || to?.ok !== true || rest.length > 0 || from.value > to.value)
        return bad('is not a range of ports such as 30000-32767');
      return ok(value);
    },
  }),
  setting({
    key: 'nodePortAddresses',
    flag: 'nodeport-addresses',
    argument: 'CIDRS',
    description: 'networks of this machine that serve node ports, or `primary` for the addresses of its node alone',
    fallback: 'primary',
    parse: nodePortAddresses,
  }),
  setting({
    key: 'clusterDNS',
    flag: 'cluster-dns',
    argument: 'IP',
    description: 'Service address of the cluster DNS, or one of each family by comma',
    fallback: '10.96.0.10',
    fallback6: 'fd00:10:96::a',
    parse: addresses,
  }),
  setting({
    key: 'clusterDomain',
    flag: 'cluster-domain',
    argument: 'DOMAIN',
    description: 'DNS domain of the cluster',
    fallback: 'cluster.local',
    parse: domain,
  }),
  setting({
    key: 'nodeName',
    flag: 'node-name',
    argument: 'NAME',
    description: "name of this node (the machine's host name)",
    parse: domain,
  }),
  setting({
    key: 'nodeIP',
    flag: 'node-ip',
    argument: 'IP',
    description: 'address of this node (that of the default route), or one of each family by comma',
    parse: addresses,
  }),
  setting({
    key: 'kubeletPort',
    flag: 'kubelet-port',
    argument: 'PORT',
    description: 'port of the kubelet',
    fallback: '10250',
    parse: port,
  }),
  setting({
    key: 'containerRuntimeEndpoint',
    flag: 'container-runtime-endpoint',
    argument: 'SOCKET',
    description: "CRI socket of a running runtime (Proa's own containerd)",
    fallback: '',
    parse: (value) =>
      value === '' || /^(unix:\/\/)?\//.test(value) ? ok(value) : bad('is not a socket such as unix:///run/containerd/containerd.sock'),
  }),
  setting({
    key: 'cniConfDir',
    flag: 'cni-conf-dir',
    argument: 'DIR',
    description: 'folder of CNI configuration of a runtime that does not tell it',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'store',
    flag: 'store',
    argument: 'STORE',
    description: '`embedded`, or `etcd://host:port[,host:port]`',
    fallback: 'embedded',
    parse: (value) =>
      value === 'embedded' || /^etcds?:\/\/[^/]+$/.test(value) ? ok(value) : bad('is neither `embedded` nor `etcd://host:port`'),
  }),
  setting({
    key: 'storeCAFile',
    flag: 'store-ca-file',
    argument: 'FILE',
    description: "authority of etcd's certificates, PEM",
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'storeCertFile',
    flag: 'store-cert-file',
    argument: 'FILE',
    description: 'certificate shown to etcd, PEM',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'storeKeyFile',
    flag: 'store-key-file',
    argument: 'FILE',
    description: 'its key, PEM',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'schedulerConfig',
    flag: 'scheduler-config',
    argument: 'FILE',
    description: 'KubeSchedulerConfiguration (v1), YAML: profiles, plugins, extenders',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'nodes',
    flag: 'nodes',
    argument: 'N',
    description: 'nodes on this machine, each further one in a network namespace of its own',
    fallback: '1',
    parse: (value) =>
      /^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 250 ? ok(Number(value)) : bad('is not a number from 1 to 250'),
  }),
  setting({
    key: 'nodeCIDR',
    flag: 'node-cidr',
    argument: 'CIDR',
    description: 'network between the nodes of this machine, with --nodes',
    fallback: '10.89.0.0/24',
    fallback6: 'fd00:10:89::/64',
    parse: networks,
  }),
  setting({
    key: 'cgroupRoot',
    flag: 'cgroup-root',
    argument: 'PATH',
    description: 'cgroup that pods lie below',
    fallback: '/',
    parse: path,
  }),
  setting({
    key: 'podManifestPath',
    flag: 'pod-manifest-path',
    argument: 'DIR',
    description: 'folder of static pods',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'nodeLabels',
    flag: 'node-labels',
    argument: 'LABELS',
    description: 'labels of this node when it registers, by comma: KEY=VALUE',
    fallback: '',
    parse: labelList,
  }),
  setting({
    key: 'kubeletConfig',
    flag: 'kubelet-config',
    argument: 'FILE',
    description: 'KubeletConfiguration (v1beta1), YAML: evictions, reservations, images, logs',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'imageCredentialProviderConfig',
    flag: 'image-credential-provider-config',
    argument: 'FILE',
    description: 'CredentialProviderConfig (v1), YAML, or a folder of them: programs that know credentials of registries',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'imageCredentialProviderBinDir',
    flag: 'image-credential-provider-bin-dir',
    argument: 'DIR',
    description: 'folder of these programs',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'server',
    flag: 'server',
    argument: 'URL',
    description: 'API server to join, https://host:port',
    fallback: '',
    parse: (value) => (value === '' || /^https:\/\/[^/]+$/.test(value) ? ok(value) : bad('is not https://host:port')),
  }),
  setting({
    key: 'dataDir',
    flag: 'data-dir',
    argument: 'DIR',
    description: 'folder of all lasting state',
    fallback: DATA_DIR,
    parse: path,
  }),
  setting({
    key: 'runDir',
    flag: 'run-dir',
    argument: 'DIR',
    description: 'folder of sockets and other state of this boot',
    fallback: '/run/proa',
    parse: path,
  }),
  setting({
    key: 'kubeconfig',
    flag: 'kubeconfig',
    argument: 'FILE',
    description: 'file the cluster is added to ($KUBECONFIG or ~/.kube/config)',
    parse: path,
  }),
  setting({
    key: 'tlsNames',
    flag: 'tls-names',
    argument: 'NAMES',
    description: "more names and addresses for the API server's certificate, by comma",
    fallback: '',
    parse(value) {
      const names = value.split(',').filter((name) => name !== '');
      const wrong = names.find((name) => !address(name).ok && !DNS_SUBDOMAIN.test(name));
      return wrong === undefined ? ok(names) : bad(`has ${JSON.stringify(wrong)}, which is neither an address nor a DNS name`);
    },
  }),
  setting({
    key: 'logLevel',
    flag: 'log-level',
    argument: 'LEVEL',
    description: 'debug, info, warn or error',
    fallback: 'info',
    parse: (value) =>
      value === 'debug' || value === 'info' || value === 'warn' || value === 'error' ? ok(value) : bad('is not debug, info, warn or error'),
  }),
  setting({
    key: 'logMaxSize',
    flag: 'log-max-size',
    argument: 'MIB',
    description: 'size at which a log file is moved aside; four older ones are kept',
    fallback: '50',
    parse: (value) => (/^\d{1,6}$/.test(value) && Number(value) >= 1 ? ok(Number(value)) : bad('is not a number of MiB, 1 or more')),
  }),
  ...API_SERVER_SETTINGS,
];
