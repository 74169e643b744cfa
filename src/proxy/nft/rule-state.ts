// What is installed, fragment by fragment, and the nft script that leads from one state to the next. Only what changed
// is written; one script is one transaction, so no packet ever meets half of a change.
import type { Stake } from '#base/nft-rules.ts';
import type { Element, Fragment, SharedSet } from './fragment.ts';
import { AffinityState, clientCommands, type Clients } from './affinities.ts';
import { type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import { affinitySet, affinitySetDefinition, baseChains, baseTable, tableOf } from './table.ts';

/** Elements a single nft command adds: a longer line only costs memory. */
const ELEMENTS_A_COMMAND = 1_000;

/** Elements that one look asks for. */
const ELEMENTS_A_LOOK = 2_000;

/** Who wants an element, and with which value. */
interface Claim {
  readonly owner: string;
  readonly value: string;
}

/** A chain, and how many Services need it. */
interface SharedChain {
  readonly rules: readonly string[];
  readonly users: number;
}

export class RuleState {
  readonly #fragments = new Map<string, Fragment>();
  /** By name. */
  readonly #chains = new Map<string, SharedChain>();
  readonly #affinities = new AffinityState();
  /** By element: two Services may name the same address and port; the first by name has it. */
  readonly #claims = new Map<string, readonly Claim[]>();
  /** Elements that looks have not come to yet. */
  #looks = this.#claims.keys();
  readonly #family: IpFamily;
  readonly #podCIDR: string;
  readonly #table: string;

  /** Of the family of `podCIDR`, the network of all pods. */
  constructor(podCIDR: string) {
    this.#podCIDR = podCIDR;
    this.#family = ipFamilyOf(podCIDR);
    this.#table = tableOf(this.#family);
  }

  /** Whose fragments are in here. */
  get owners(): Iterable<string> {
    return this.#fragments.keys();
  }

  /**
   * Takes in new fragments by Service key, or what else owns one (undefined: it is gone) and gives the script for the difference,
   * empty if there is none. The state is then as after the script: when it fails, call `whole` and apply that.
   */
  update(changes: ReadonlyMap<string, Fragment | undefined>): string {
    const chains = new Map<string, readonly string[] | undefined>(); // rules before
    const lasting = new Set(this.#affinities.lasting());
    const touched = new Map<string, string | undefined>(); // element id → value before
    for (const [owner, next] of changes) {
      const before = this.#fragments.get(owner);
      this.#affinities.update(before?.affinities, next?.affinities);
      for (const [chain, rules] of before?.chains ?? []) this.#useChain(chain, rules, -1, chains);
      for (const [chain, rules] of next?.chains ?? []) this.#useChain(chain, rules, 1, chains);
      for (const element of before?.elements ?? []) this.#release(element, owner, touched);
      for (const element of next?.elements ?? []) this.#claim(element, owner, touched);
      if (next === undefined) this.#fragments.delete(owner);
      else this.#fragments.set(owner, next);
    }
    const remove: Element[] = [];
    const add: Element[] = [];
    for (const [id, before] of touched) {
      const after = this.#holder(id);
      if (before === after) continue;
      const { set, key } = parseId(id);
      if (before !== undefined) remove.push({ set, key, value: before });
      if (after !== undefined) add.push({ set, key, value: after });
    }
    const chainCommands = this.#chainCommands(chains);
    return [
      ...this.#affinityCommands('add', new Set(this.#affinities.lasting()).difference(lasting)),
      ...chainCommands.definitions,
      ...elementCommands(this.#table, 'delete', remove),
      ...elementCommands(this.#table, 'add', add),
      ...chainCommands.removals,
      ...this.#affinityCommands('delete', lasting.difference(new Set(this.#affinities.lasting()))),
    ].join('');
  }

  /** All rules, and of the elements the next ones, so that look by look all have their turn. */
  stake(): Stake {
    const chains = [...this.#chains, ...baseChains(this.#family, this.#podCIDR)];
    const ids = [...this.#looks.take(ELEMENTS_A_LOOK)];
    if (ids.length < ELEMENTS_A_LOOK) this.#looks = this.#claims.keys();
    const elements = Map.groupBy(ids.filter((id) => this.#claims.has(id)).map(parseId), ({ set }) => `${this.#table} ${set}`);
    return {
      chains: new Map(chains.map(([chain, { rules }]) => [`${this.#table} ${chain}`, rules.length])),
      elements: new Map(Array.from(elements, ([set, list]) => [set, list.map(({ key }) => key)])),
    };
  }

  /** Whose clients are remembered. */
  get affinities(): AffinityState {
    return this.#affinities;
  }

  /** The script that replaces whatever the table holds by this state, in which `clients` are known as before. */
  whole(clients: Clients = new Map()): string {
    const none = new Map([...this.#chains.keys()].map((chain) => [chain, undefined]));
    const elements = [...this.#claims.keys()].map((id) => ({ ...parseId(id), value: this.#holder(id) as string }));
    return [
      baseTable(this.#family, this.#podCIDR),
      ...this.#affinityCommands('add', this.#affinities.lasting()),
      ...[...clients].flatMap(([seconds, list]) => clientCommands(this.#family, 'add', seconds, list)),
      ...this.#chainCommands(none).definitions,
      ...elementCommands(this.#table, 'add', elements),
    ].join('');
  }

  #affinityCommands(verb: 'add' | 'delete', lasting: Iterable<number>): readonly string[] {
    const named = verb === 'add' ? (seconds: number) => affinitySetDefinition(this.#family, seconds) : affinitySet;
    return Array.from(lasting, (seconds) => `${verb} set ${this.#table} ${named(seconds)}\n`);
  }

  /** What leads to the chains that are needed now. `before`: the rules of each that may have changed, undefined for a new one. */
  #chainCommands(before: ReadonlyMap<string, readonly string[] | undefined>): {
    readonly definitions: readonly string[];
    readonly removals: readonly string[];
  } {
    const [chains, rules, removals]: [string[], string[], string[]] = [[], [], []];
    for (const [chain, had] of before) {
      const has = this.#chains.get(chain)?.rules;
      if (had !== undefined && has !== undefined && sameRules(had, has)) continue;
      if (had === undefined && has !== undefined) chains.push(`add chain ${this.#table} ${chain}\n`);
      // Flushed first, so that chains that refer to each other can go in any order.
      if (had !== undefined) rules.push(`flush chain ${this.#table} ${chain}\n`);
      if (had !== undefined && has === undefined) removals.push(`delete chain ${this.#table} ${chain}\n`);
      for (const rule of has ?? []) rules.push(`add rule ${this.#table} ${chain} ${rule}\n`);
    }
    return { definitions: [...chains, ...rules], removals };
  }

  #useChain(chain: string, rules: readonly string[], users: 1 | -1, touched: Map<string, readonly string[] | undefined>): void {
    const known = this.#chains.get(chain);
    if (!touched.has(chain)) touched.set(chain, known?.rules);
    const left = (known?.users ?? 0) + users;
    if (left === 0) this.#chains.delete(chain);
    else this.#chains.set(chain, { rules: users > 0 ? rules : (known?.rules ?? rules), users: left });
  }

  #claim({ value, ...element }: Element, owner: string, touched: Map<string, string | undefined>): void {
    const id = idOf(element);
    if (!touched.has(id)) touched.set(id, this.#holder(id));
    const others = (this.#claims.get(id) ?? []).filter((claim) => claim.owner !== owner);
    this.#claims.set(id, others.length === 0 ? [{ owner, value }] : [...others, { owner, value }]);
  }

  #release(element: Element, owner: string, touched: Map<string, string | undefined>): void {
    const id = idOf(element);
    if (!touched.has(id)) touched.set(id, this.#holder(id));
    const others = (this.#claims.get(id) ?? []).filter((claim) => claim.owner !== owner);
    if (others.length === 0) this.#claims.delete(id);
    else this.#claims.set(id, others);
  }

  /** The value in force; undefined where nobody wants the element. */
  #holder(id: string): string | undefined {
    return this.#claims.get(id)?.reduce((first, claim) => (claim.owner < first.owner ? claim : first)).value;
  }
}

const idOf = ({ set, key }: Omit<Element, 'value'>): string => `${set}|${key}`;

function parseId(id: string): { readonly set: SharedSet; readonly key: string } {
  const bar = id.indexOf('|');
  return { set: id.slice(0, bar) as SharedSet, key: id.slice(bar + 1) };
}

function elementCommands(table: string, verb: 'add' | 'delete', elements: readonly Element[]): readonly string[] {
  const bySet = Map.groupBy(elements, (element) => element.set);
  return [...bySet].flatMap(([set, list]) => {
    const texts = list.map(({ key, value }) => (value === '' || verb === 'delete' ? key : `${key} : ${value}`));
    const commands: string[] = [];
    for (let i = 0; i < texts.length; i += ELEMENTS_A_COMMAND) {
      commands.push(`${verb} element ${table} ${set} { ${texts.slice(i, i + ELEMENTS_A_COMMAND).join(', ')} }\n`);
    }
    return commands;
  });
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}
