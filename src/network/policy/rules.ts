// pure
// The rules that hold NetworkPolicies on one node, and the nftables script that leads from some rules to others.

export const POLICY_TABLE = 'ip proa-policy';

export type Direction = 'ingress' | 'egress';

/** What a set has as elements: pods, or ports of pods. */
export type SetType = 'ipv4_addr' | 'ipv4_addr . inet_proto . inet_service';

export interface PolicySet {
  readonly type: SetType;
  readonly elements: ReadonlySet<string>;
}

export interface PolicyRules {
  /** By name. The name tells who is meant, not who that is now: sets change by elements. */
  readonly sets: ReadonlyMap<string, PolicySet>;
  /** By name, which follows from the lines: a chain never changes. A packet it returns is allowed in that direction. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Chain of each isolated pod of the node, by its address. */
  readonly isolated: Readonly<Record<Direction, ReadonlyMap<string, string>>>;
}

export const NO_RULES: PolicyRules = {
  sets: new Map(),
  chains: new Map(),
  isolated: { ingress: new Map(), egress: new Map() },
};

/** Elements of one command: a line must not grow beyond what nft reads at once. */
const ELEMENTS_A_COMMAND = 500;

/**
 * Replaces whatever the table holds by `rules`. Looked at is what is forwarded, and what pods send to their own node: it
 * always reaches them (probes), and they its DNS server, which listens on the bridge. An answer to what was allowed is
 * allowed; and a pod reaches itself.
 */
export function wholePolicyTable(rules: PolicyRules): string {
  return `add table ${POLICY_TABLE}
delete table ${POLICY_TABLE}
table ${POLICY_TABLE} {
  map ingress { type ipv4_addr : verdict; }
  map egress { type ipv4_addr : verdict; }
  set self { type ipv4_addr . ipv4_addr; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    ip saddr . ip daddr @self accept
    ip saddr vmap @egress
    ip daddr vmap @ingress
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ct state established,related accept
    fib daddr . iif type local meta l4proto { tcp, udp } th dport 53 accept
    ip saddr vmap @egress
  }
}
${policyChanges(NO_RULES, rules)}`;
}

/** One transaction; empty where nothing changes. Nothing is named before it is made or after it is gone. */
export function policyChanges(before: PolicyRules, after: PolicyRules): string {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(`${line}\n`);
  for (const [name, { type, elements }] of after.sets) {
    const known = before.sets.get(name);
    if (known === undefined) say(`add set ${POLICY_TABLE} ${name} { type ${type}; }`);
    const had = known?.elements ?? new Set<string>();
    lines.push(...elementLines('delete', name, had.difference(elements)), ...elementLines('add', name, elements.difference(had)));
  }
  for (const [name, rules] of after.chains) {
    if (before.chains.has(name)) continue;
    say(`add chain ${POLICY_TABLE} ${name}`);
    for (const rule of rules) say(`add rule ${POLICY_TABLE} ${name} ${rule}`);
  }
  for (const direction of ['ingress', 'egress'] as const) {
    const [had, has] = [before.isolated[direction], after.isolated[direction]];
    const left = [...had].filter(([ip, chain]) => has.get(ip) !== chain).map(([ip]) => ip);
    const come = [...has].filter(([ip, chain]) => had.get(ip) !== chain).map(([ip, chain]) => `${ip} : jump ${chain}`);
    lines.push(...elementLines('delete', direction, new Set(left)), ...elementLines('add', direction, new Set(come)));
  }
  const [had, has] = [selvesOf(before), selvesOf(after)];
  lines.push(...elementLines('delete', 'self', had.difference(has)), ...elementLines('add', 'self', has.difference(had)));
  for (const name of before.chains.keys()) if (!after.chains.has(name)) say(`delete chain ${POLICY_TABLE} ${name}`);
  for (const name of before.sets.keys()) if (!after.sets.has(name)) say(`delete set ${POLICY_TABLE} ${name}`);
  return lines.join('');
}

const selvesOf = ({ isolated }: PolicyRules): ReadonlySet<string> =>
  new Set([...isolated.ingress.keys(), ...isolated.egress.keys()].map((ip) => `${ip} . ${ip}`));

function elementLines(verb: 'add' | 'delete', set: string, elements: ReadonlySet<string>): readonly string[] {
  const all = [...elements];
  const lines: string[] = [];
  for (let i = 0; i < all.length; i += ELEMENTS_A_COMMAND)
    lines.push(`${verb} element ${POLICY_TABLE} ${set} { ${all.slice(i, i + ELEMENTS_A_COMMAND).join(', ')} }\n`);
  return lines;
}
