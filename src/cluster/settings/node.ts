// pure
// Settings of the nodes of this machine, and of what runs their containers.
import { addresses, networks } from './networks.ts';
import type { Setting } from './settings.ts';
import { bad, domain, labelList, ok, optionalPath, path, port } from './value.ts';

export interface NodeSettings {
  readonly nodeName: string;
  /** Address other nodes and the API server reach this node at, or one of each family by comma, the main one first. */
  readonly nodeIP: string;
  readonly kubeletPort: number;
  /** Empty: Proa runs its own containerd. */
  readonly containerRuntimeEndpoint: string;
  /** Where that runtime looks for CNI configuration; empty: where it says it does. */
  readonly cniConfDir: string;
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
}

const setting = <K extends keyof NodeSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const NODE_SETTINGS: readonly Setting[] = [
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
];
