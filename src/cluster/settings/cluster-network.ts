// pure
// Settings of the networks that pods, Services and names of the cluster have.
import { addresses, type Family, networks, nodePortAddresses } from './networks.ts';
import type { Setting } from './settings.ts';
import { bad, domain, ok, port } from './value.ts';

export interface NetworkSettings {
  /** Which families the ranges have unless they are given; `auto`: as those that are given. */
  readonly ipFamily: 'auto' | 'ipv4' | 'ipv6' | 'dual';
  /** One, or one of each family by comma, the main one first: that of pods' main addresses. */
  readonly podCIDR: string;
  /** As `podCIDR`. The first family is that of a Service that does not say which it wants. */
  readonly serviceCIDR: string;
  readonly nodePortRange: string;
  /** Where this node serves node ports: `primary`, or networks; none: at every address. */
  readonly nodePortAddresses: readonly string[];
  /** As `podCIDR`. */
  readonly clusterDNS: string;
  readonly clusterDomain: string;
}

const FAMILIES: Readonly<Record<'ipv4' | 'ipv6' | 'dual', readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  dual: ['IPv4', 'IPv6'],
};

const isFamilyChoice = (text: string): text is keyof typeof FAMILIES => text in FAMILIES;

/** What `ipFamily` asks for; undefined where the ranges say it. */
export const wantedFamilies = (text: string): readonly Family[] | undefined => (isFamilyChoice(text) ? FAMILIES[text] : undefined);

const setting = <K extends keyof NetworkSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const NETWORK_SETTINGS: readonly Setting[] = [
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
];
