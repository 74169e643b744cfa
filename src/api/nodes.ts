// What a node's state means to those who place pods on it or count on it.
import { findCondition, isConditionTrue } from './conditions.ts';
import type { Node, NodeCondition } from './gen/core-v1.ts';
import { LABEL } from './well-known.ts';

export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return findCondition(node.status?.conditions, type);
}

export function isNodeReady(node: Node): boolean {
  return isConditionTrue(node.status?.conditions, 'Ready');
}

export type NodeAddressType = 'InternalIP' | 'ExternalIP' | 'Hostname' | 'InternalDNS' | 'ExternalDNS';

/** Addresses of the first of these types that the node has any of. */
export function nodeAddresses(node: Node, ...preference: readonly NodeAddressType[]): readonly string[] {
  const addresses = node.status?.addresses ?? [];
  for (const type of preference) {
    const found = addresses.filter((address) => address.type === type).map(({ address }) => address);
    if (found.length > 0) return found;
  }
  return [];
}

/** Where other nodes reach it: internal before external, one of each IP family. Source: GetNodeHostIPs. */
export function nodeHostIps(node: Node): readonly string[] {
  const all = [...nodeAddresses(node, 'InternalIP'), ...nodeAddresses(node, 'ExternalIP')];
  const first = all[0];
  if (first === undefined) return [];
  const second = all.find((address) => address.includes(':') !== first.includes(':'));
  return second === undefined ? [first] : [first, second];
}

/** `region` and `zone`, joined so that two zones of one name in two regions differ. Source: topology.GetZoneKey. */
export function zoneKey(node: Node): string {
  const region = node.metadata.labels?.[LABEL.region] ?? '';
  const zone = node.metadata.labels?.[LABEL.zone] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\u0000:${zone}`;
}
