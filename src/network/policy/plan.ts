// pure
// Which packets NetworkPolicies allow the pods of one node. Source: networking.k8s.io/v1 NetworkPolicySpec.
import { createHash } from 'node:crypto';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { isPodTerminal, isSidecar } from '#api/pods.ts';
import type { Namespace, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, Pod } from '#api/types.ts';
import { NFT_FAMILY } from '../nft-names.ts';
import type { Direction, PolicyRules, PolicySet, SetType } from './rules.ts';

export interface PolicyInput {
  /** Whose packets: a pod with an address of each is isolated in each. */
  readonly family: IpFamily;
  readonly nodeName: string;
  readonly policies: readonly NetworkPolicy[];
  /** Of every node: they are the peers. */
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
}

/** A pod with an address of its own, of the family. */
interface Addressed {
  readonly pod: Pod;
  readonly ip: string;
}

interface Rule {
  readonly peers: readonly NetworkPolicyPeer[];
  readonly ports: readonly NetworkPolicyPort[];
}

/** How the two directions look at a packet: whose address is the peer's. */
const PEER_OF = { ingress: 'saddr', egress: 'daddr' } as const;

export function planPolicies(input: PolicyInput): PolicyRules {
  const plan = new Plan(input);
  const selected = input.policies.map((policy) => ({ policy, selector: selectorFromObject(policy.spec.podSelector) }));
  const byNamespace = Map.groupBy(selected, ({ policy }) => policy.metadata.namespace);
  for (const one of plan.pods) {
    if (one.pod.spec.nodeName !== input.nodeName) continue;
    const selecting = (byNamespace.get(one.pod.metadata.namespace) ?? [])
      .filter(({ selector }) => selector.matches(one.pod.metadata.labels))
      .map(({ policy }) => policy);
    for (const direction of ['ingress', 'egress'] as const) plan.isolate(one, direction, selecting);
  }
  return plan;
}

/** Whether a plan could differ: most changes of a pod are of its conditions and containers, and say nothing to the network. */
export function podMatters(pod: Pod, previous: Pod): boolean {
  const told = ({ metadata: { uid, labels }, spec: { nodeName }, status }: Pod): string =>
    JSON.stringify([uid, labels, nodeName, status.podIP, status.podIPs]);
  return isPodTerminal(pod) !== isPodTerminal(previous) || told(pod) !== told(previous);
}

/** As of pods. */
export const namespaceMatters = (namespace: Namespace, previous: Namespace): boolean =>
  JSON.stringify(namespace.metadata.labels) !== JSON.stringify(previous.metadata.labels);

class Plan implements PolicyRules {
  readonly sets = new Map<string, PolicySet>();
  readonly chains = new Map<string, readonly string[]>();
  readonly isolated = { ingress: new Map<string, string>(), egress: new Map<string, string>() };
  readonly family: IpFamily;
  readonly pods: readonly Addressed[];
  readonly #byNamespace: ReadonlyMap<string, readonly Addressed[]>;
  readonly #namespaces: readonly Namespace[];
  /** `ip` or `ip6`: the word for a packet's addresses. */
  readonly #ip: string;

  constructor({ family, pods, namespaces }: PolicyInput) {
    this.family = family;
    this.#ip = NFT_FAMILY[family];
    this.pods = pods.flatMap((pod) => {
      const ip = addressOf(pod, family);
      return ip === undefined || pod.spec.hostNetwork === true || isPodTerminal(pod) ? [] : [{ pod, ip }];
    });
    this.#byNamespace = Map.groupBy(this.pods, ({ pod: { metadata } }) => metadata.namespace);
    this.#namespaces = namespaces;
  }

  /** Gives the pod the chain of what `policies` allow it together, unless none of them speaks of this direction. */
  isolate({ pod, ip }: Addressed, direction: Direction, policies: readonly NetworkPolicy[]): void {
    const type = direction === 'ingress' ? 'Ingress' : 'Egress';
    const speaking = policies.filter(({ spec }) => spec.policyTypes.includes(type));
    if (speaking.length === 0) return;
    const lines = speaking.flatMap((policy) => {
      const rules: readonly Rule[] =
        direction === 'ingress'
          ? (policy.spec.ingress ?? []).map(({ from = [], ports = [] }) => ({ peers: from, ports }))
          : (policy.spec.egress ?? []).map(({ to = [], ports = [] }) => ({ peers: to, ports }));
      return rules.flatMap((rule) => this.#lines(rule, direction, policy.metadata.namespace, pod));
    });
    const rules = [...new Set(lines).values()].toSorted();
    const chain = `${direction}-${hashOf(rules)}`;
    this.chains.set(chain, [...rules, 'drop']);
    this.isolated[direction].set(ip, chain);
  }

  #lines({ peers, ports }: Rule, direction: Direction, namespace: string, pod: Pod): readonly string[] {
    const side = PEER_OF[direction];
    const any = ports.length === 0;
    // A name is a port of whoever is spoken to: of this pod, or on the way out of each peer.
    const isOfPeer = (port: NetworkPolicyPort): boolean => direction === 'egress' && typeof port.port === 'string';
    const numbers = merged(ports.filter((port) => !isOfPeer(port)).flatMap((port) => rangesOf(port, pod)));
    const match = any ? '' : ` meta l4proto . th dport { ${numbers.map(elementOf).join(', ')} }`;
    const lines: string[] = [];
    if (any || numbers.length > 0) {
      if (peers.length === 0) lines.push(`${match} return`.trim());
      for (const peer of peers) {
        const whom =
          peer.ipBlock === undefined
            ? ` ${this.#ip} ${side} @${this.#podSet(peer, namespace)}`
            : blockMatch(peer.ipBlock, side, this.family);
        if (whom !== undefined) lines.push(`${whom}${match} return`.trim());
      }
    }
    for (const port of ports.filter(isOfPeer)) {
      const everyone: readonly NetworkPolicyPeer[] = [{ namespaceSelector: {} }];
      for (const peer of peers.length === 0 ? everyone : peers)
        if (peer.ipBlock === undefined)
          lines.push(`${this.#ip} ${side} . meta l4proto . th dport @${this.#portSet(peer, port, namespace)} return`);
    }
    return lines;
  }

  /** Name of the set of the peer's pods. */
  #podSet(peer: NetworkPolicyPeer, namespace: string): string {
    return this.#set('pods', [keyOf(peer, namespace)], () => this.#podsOf(peer, namespace).map(({ ip }) => ip));
  }

  /** Name of the set of the ports that the peer's pods have under one name. */
  #portSet(peer: NetworkPolicyPeer, port: NetworkPolicyPort, namespace: string): string {
    const key = [keyOf(peer, namespace), port.protocol, String(port.port)];
    return this.#set('ports', key, () =>
      this.#podsOf(peer, namespace).flatMap(({ pod, ip }) => rangesOf(port, pod).map((range) => `${ip} . ${elementOf(range)}`)),
    );
  }

  #set(type: SetType, key: readonly string[], elements: () => readonly string[]): string {
    const name = `${type}-${hashOf(key)}`;
    if (!this.sets.has(name)) this.sets.set(name, { type, elements: new Set(elements()) });
    return name;
  }

  #podsOf({ podSelector = {}, namespaceSelector }: NetworkPolicyPeer, namespace: string): readonly Addressed[] {
    const wanted = selectorFromObject(podSelector);
    const within =
      namespaceSelector === undefined
        ? [namespace]
        : this.#namespaces.filter(isSelected(namespaceSelector)).map(({ metadata }) => metadata.name);
    return within.flatMap((name) => (this.#byNamespace.get(name) ?? []).filter(({ pod: { metadata } }) => wanted.matches(metadata.labels)));
  }
}

function isSelected(selector: NonNullable<NetworkPolicyPeer['namespaceSelector']>): (namespace: Namespace) => boolean {
  const wanted = selectorFromObject(selector);
  return ({ metadata }) => wanted.matches(metadata.labels);
}

/** Ports of one protocol, both ends included. */
interface PortRange {
  readonly protocol: string;
  readonly first: number;
  readonly last: number;
}

const LAST_PORT = 65_535;

/** None for a name that the pod does not have. */
function rangesOf({ protocol: written, port, endPort }: NetworkPolicyPort, pod: Pod): readonly PortRange[] {
  const protocol = written.toLowerCase();
  if (port === undefined) return [{ protocol, first: 0, last: LAST_PORT }];
  if (typeof port === 'number') return [{ protocol, first: port, last: endPort ?? port }];
  const { containers, initContainers = [] } = pod.spec;
  const named = [...containers, ...initContainers.filter(isSidecar)]
    .flatMap(({ ports = [] }) => ports)
    .find((each) => each.name === port && each.protocol === written);
  return named === undefined ? [] : [{ protocol, first: named.containerPort, last: named.containerPort }];
}

/** The same ports without overlap, which a set does not take. */
function merged(ranges: readonly PortRange[]): readonly PortRange[] {
  const out: PortRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.protocol === b.protocol ? a.first - b.first : a.protocol < b.protocol ? -1 : 1))) {
    const before = out.at(-1);
    if (before?.protocol === range.protocol && range.first <= before.last + 1)
      out[out.length - 1] = { ...before, last: Math.max(before.last, range.last) };
    else out.push(range);
  }
  return out;
}

/** As `inet_proto . inet_service`. */
const elementOf = ({ protocol, first, last }: PortRange): string => `${protocol} . ${first === last ? first : `${first}-${last}`}`;

/** Undefined for a block of the other family, whose packets do not come here. */
function blockMatch({ cidr, except = [] }: NonNullable<NetworkPolicyPeer['ipBlock']>, side: string, family: IpFamily): string | undefined {
  if (ipFamilyOf(cidr) !== family) return undefined;
  const ip = NFT_FAMILY[family];
  return [` ${ip} ${side} ${cidr}`, ...except.map((inner) => `${ip} ${side} != ${inner}`)].join(' ');
}

function addressOf({ status: { podIP = '', podIPs = [] } }: Pod, family: IpFamily): string | undefined {
  if (podIP !== '' && ipFamilyOf(podIP) === family) return podIP;
  return podIPs.find(({ ip }) => ip !== '' && ipFamilyOf(ip) === family)?.ip;
}

/** The same for peers that are the same pods, in whatever policy. */
const keyOf = ({ podSelector = {}, namespaceSelector }: NetworkPolicyPeer, namespace: string): string =>
  JSON.stringify([
    selectorFromObject(podSelector).toString(),
    namespaceSelector === undefined ? { namespace } : selectorFromObject(namespaceSelector).toString(),
  ]);

const hashOf = (parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
