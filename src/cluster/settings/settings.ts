// pure
// The settings of a machine: each is a key of the configuration file and a flag, described once here.
import { API_SERVER_SETTINGS, type ApiServerSettings } from './api-server.ts';
import { NETWORK_SETTINGS, type NetworkSettings } from './cluster-network.ts';
import { address, firstOf, urlHost } from './networks.ts';
import { NODE_SETTINGS, type NodeSettings } from './node.ts';
import { bad, isDnsName, ok, optionalPath, path, type Parsed, port } from './value.ts';

/** Where lasting state is unless another folder is named. */
export const DATA_DIR = '/var/lib/proa';

/** Everything `proa up` and the components read. Made by resolveSettings, never changed after. */
export interface Settings extends ApiServerSettings, NetworkSettings, NodeSettings {
  readonly dataDir: string;
  readonly runDir: string;
  readonly bindAddress: string;
  readonly port: number;
  /** `embedded`, or `etcd://host:port[,host:port]`. */
  readonly store: string;
  /** PEM files for etcd by TLS; empty for none. */
  readonly storeCAFile: string;
  readonly storeCertFile: string;
  readonly storeKeyFile: string;
  /** KubeSchedulerConfiguration (v1), YAML; empty for upstream's defaults. */
  readonly schedulerConfig: string;
  /** The API server an agent joins: `https://host:port`; empty on the machine that has it. */
  readonly server: string;
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
  ...NETWORK_SETTINGS,
  ...NODE_SETTINGS,
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
      const wrong = names.find((name) => !address(name).ok && !isDnsName(name));
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
