// pure
// The rules that hold NetworkPolicies on one node, and the nftables script that leads from some rules to others.

import type { Stake } from '#base/nft-rules.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { NFT_FAMILY, tablesOf } from '../nft-names.ts';

const NAME = 'proa-policy';

/** One a family. */
export const POLICY_TABLES = tablesOf(NAME);

export type Direction = 'ingress' | 'egress';

/** What a set has as elements: pods, or ports of pods. */
export type SetType = 'pods' | 'ports';

export interface PolicySet {
  readonly type: SetType;
  readonly elements: ReadonlySet<string>;
}

/** The rules of one family. */
export interface PolicyRules {
  readonly family: IpFamily;
  /** By name. The name tells who is meant, not who that is now: sets change by elements. */
  readonly sets: ReadonlyMap<string, PolicySet>;
  /** By name, which follows from the lines: a chain never changes. A packet it returns is allowed in that direction. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Chain of each isolated pod of the node, by its address. */
  readonly isolated: Readonly<Record<Direction, ReadonlyMap<string, string>>>;
}

export const noRules = (family: IpFamily): PolicyRules => ({
  family,
  sets: new Map(),
  chains: new Map(),
  isolated: { ingress: new Map(), egress: new Map() },
});

/** All rules, and these elements, as `policyElements` gives them. */
export const policyStake = (families: readonly PolicyRules[], elements: Iterable<PolicyElement>): Stake => ({
  chains: new Map(
    families.flatMap(({ family, chains }) =>
      [...Object.entries(hooks(family)), ...chains].map(([chain, rules]) => [`${tableOf(family)} ${chain}`, rules.length] as const),
    ),
  ),
  elements: new Map(
    Array.from(
      Map.groupBy(elements, ({ set }) => set),
      ([set, list]): [string, readonly string[]] => [set, list.map(({ key }) => key)],
    ),
  ),
});

export interface PolicyElement {
  /** With family and table: `ip proa-policy self`. */
  readonly set: string;
  readonly key: string;
}

/** Of all sets and maps. */
export function* policyElements(families: readonly PolicyRules[]): Generator<PolicyElement, undefined> {
  for (const rules of families) {
    const table = tableOf(rules.family);
    const named = [...rules.sets].map(([name, { elements }]) => [name, elements] as const);
    const { ingress, egress } = rules.isolated;
    for (const [name, keys] of [...named, ['ingress', ingress.keys()], ['egress', egress.keys()], ['self', selvesOf(rules)]] as const)
      for (const key of keys) yield { set: `${table} ${name}`, key };
  }
}

const ADDRESS = { IPv4: 'ipv4_addr', IPv6: 'ipv6_addr' } as const;

const setType = (family: IpFamily, type: SetType): string =>
  type === 'pods' ? ADDRESS[family] : `${ADDRESS[family]} . inet_proto . inet_service`;

const tableOf = (family: IpFamily): string => `${NFT_FAMILY[family]} ${NAME}`;

/**
 * In IPv6 neighbours, routers and listeners of groups find each other by ICMP, between the bridged pods of a node too: it is
 * part of the link, as ARP is in IPv4, and no traffic of a pod.
 */
const LINK_UPKEEP: Readonly<Record<IpFamily, readonly string[]>> = { IPv4: [], IPv6: ['icmpv6 type { 130-137, 143 } accept'] };

/** Elements of one command: a line must not grow beyond what nft reads at once. */
const ELEMENTS_A_COMMAND = 500;

/**
 * Looked at is what is forwarded, and what pods send to their own node: it always reaches them (probes), and they its DNS
 * server, which listens on the bridge. An answer to what was allowed is allowed; and a pod reaches itself.
 */
function hooks(family: IpFamily): Readonly<Record<'forward' | 'input', readonly string[]>> {
  const ip = NFT_FAMILY[family];
  const always = ['ct state established,related accept', ...LINK_UPKEEP[family]];
  return {
    forward: [...always, `${ip} saddr . ${ip} daddr @self accept`, `${ip} saddr vmap @egress`, `${ip} daddr vmap @ingress`],
    input: [...always, 'fib daddr . iif type local meta l4proto { tcp, udp } th dport 53 accept', `${ip} saddr vmap @egress`],
  };
}

/** Replaces whatever the table holds by `rules`. */
export function wholePolicyTable(rules: PolicyRules): string {
  const { family } = rules;
  const [table, address, { forward, input }] = [tableOf(family), ADDRESS[family], hooks(family)];
  return `add table ${table}
delete table ${table}
table ${table} {
  map ingress { type ${address} : verdict; }
  map egress { type ${address} : verdict; }
  set self { type ${address} . ${address}; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ${forward.join('\n    ')}
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ${input.join('\n    ')}
  }
}
${policyChanges(noRules(family), rules)}`;
}

/** Both of one family. One transaction; empty where nothing changes. Nothing is named before it is made or after it is gone. */
export function policyChanges(before: PolicyRules, after: PolicyRules): string {
  const table = tableOf(after.family);
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(`${line}\n`);
  const elementLines = (verb: 'add' | 'delete', set: string, elements: ReadonlySet<string>): readonly string[] =>
    commandsOf(`${verb} element ${table} ${set}`, elements);
  for (const [name, { type, elements }] of after.sets) {
    const known = before.sets.get(name);
    if (known === undefined) say(`add set ${table} ${name} { type ${setType(after.family, type)}; }`);
    const had = known?.elements ?? new Set<string>();
    lines.push(...elementLines('delete', name, had.difference(elements)), ...elementLines('add', name, elements.difference(had)));
  }
  for (const [name, rules] of after.chains) {
    if (before.chains.has(name)) continue;
    say(`add chain ${table} ${name}`);
    for (const rule of rules) say(`add rule ${table} ${name} ${rule}`);
  }
  for (const direction of ['ingress', 'egress'] as const) {
    const [had, has] = [before.isolated[direction], after.isolated[direction]];
    const left = [...had].filter(([ip, chain]) => has.get(ip) !== chain).map(([ip]) => ip);
    const come = [...has].filter(([ip, chain]) => had.get(ip) !== chain).map(([ip, chain]) => `${ip} : jump ${chain}`);
    lines.push(...elementLines('delete', direction, new Set(left)), ...elementLines('add', direction, new Set(come)));
  }
  const [had, has] = [selvesOf(before), selvesOf(after)];
  lines.push(...elementLines('delete', 'self', had.difference(has)), ...elementLines('add', 'self', has.difference(had)));
  for (const name of before.chains.keys()) if (!after.chains.has(name)) say(`delete chain ${table} ${name}`);
  for (const name of before.sets.keys()) if (!after.sets.has(name)) say(`delete set ${table} ${name}`);
  return lines.join('');
}

const selvesOf = ({ isolated }: PolicyRules): ReadonlySet<string> =>
  new Set([...isolated.ingress.keys(), ...isolated.egress.keys()].map((ip) => `${ip} . ${ip}`));

function commandsOf(command: string, elements: ReadonlySet<string>): readonly string[] {
  const all = [...elements];
  const lines: string[] = [];
  for (let i = 0; i < all.length; i += ELEMENTS_A_COMMAND)
    lines.push(`${command} { ${all.slice(i, i + ELEMENTS_A_COMMAND).join(', ')} }\n`);
  return lines;
}
