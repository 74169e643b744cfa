// What is installed, fragment by fragment, and the nft script that leads from one state to the next. Only what changed
// is written; one script is one transaction, so no packet ever meets half of a change.
import type { Element, Fragment, SharedSet } from './fragment.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { ADDRESS_TYPE, baseTable, tableOf } from './table.ts';

/** Elements a single nft command adds: a longer line only costs memory. */
const ELEMENTS_A_COMMAND = 1_000;

/** Who wants an element and with which value: two Services may name the same address and port; the first by name has it. */
type Claims = Map<string, string>;

export class RuleState {
  readonly #fragments = new Map<string, Fragment>();
  readonly #claims = new Map<string, Claims>();
  readonly #family: IpFamily;
  readonly #table: string;

  constructor(family: IpFamily) {
    this.#family = family;
    this.#table = tableOf(family);
  }

  /** Keys of the Services in here. */
  get services(): Iterable<string> {
    return this.#fragments.keys();
  }

  get size(): number {
    return this.#fragments.size;
  }

  /**
   * Takes in new fragments by Service key (undefined: the Service is gone) and gives the script for the difference,
   * empty if there is none. The state is then as after the script: when it fails, call `whole` and apply that.
   */
  update(changes: ReadonlyMap<string, Fragment | undefined>): string {
    const chains = new ChainChanges(this.#family);
    const touched = new Map<string, string | undefined>(); // element id → value before
    for (const [owner, next] of changes) {
      const before = this.#fragments.get(owner);
      chains.compare(before, next);
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
    return [
      ...chains.definitions(),
      ...elementCommands(this.#table, 'delete', remove),
      ...elementCommands(this.#table, 'add', add),
      ...chains.removals(),
    ].join('');
  }

  /** The script that replaces whatever the table holds by this state. */
  whole(): string {
    const chains = new ChainChanges(this.#family);
    for (const fragment of this.#fragments.values()) chains.compare(undefined, fragment);
    const elements = [...this.#claims.keys()].map((id) => ({ ...parseId(id), value: this.#holder(id) as string }));
    return [baseTable(this.#family), ...chains.definitions(), ...elementCommands(this.#table, 'add', elements)].join('');
  }

  #claim(element: Element, owner: string, touched: Map<string, string | undefined>): void {
    const id = idOf(element);
    if (!touched.has(id)) touched.set(id, this.#holder(id));
    const claims: Claims = this.#claims.get(id) ?? new Map<string, string>();
    claims.set(owner, element.value);
    this.#claims.set(id, claims);
  }

  #release(element: Element, owner: string, touched: Map<string, string | undefined>): void {
    const id = idOf(element);
    if (!touched.has(id)) touched.set(id, this.#holder(id));
    const claims = this.#claims.get(id);
    claims?.delete(owner);
    if (claims?.size === 0) this.#claims.delete(id);
  }

  /** The value in force; undefined where nobody wants the element. */
  #holder(id: string): string | undefined {
    const claims = this.#claims.get(id);
    if (claims === undefined) return undefined;
    let first: string | undefined;
    for (const owner of claims.keys()) if (first === undefined || owner < first) first = owner;
    return first === undefined ? undefined : claims.get(first);
  }
}

const idOf = ({ set, key }: Element): string => `${set}|${key}`;

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

/** Chains and affinity sets that appear, change or go. */
class ChainChanges {
  readonly #sets: string[] = [];
  readonly #newChains: string[] = [];
  readonly #rules: string[] = [];
  readonly #goneChains: string[] = [];
  readonly #goneSets: string[] = [];
  readonly #table: string;
  readonly #address: string;

  constructor(family: IpFamily) {
    this.#table = tableOf(family);
    this.#address = ADDRESS_TYPE[family];
  }

  compare(before: Fragment | undefined, after: Fragment | undefined): void {
    for (const [set, seconds] of after?.affinitySets ?? []) {
      if (before?.affinitySets.has(set) === true) continue; // its timeout is part of its name
      this.#sets.push(`add set ${this.#table} ${set} { type ${this.#address}; flags dynamic,timeout; timeout ${seconds}s; }\n`);
    }
    for (const [chain, rules] of after?.chains ?? []) {
      const known = before?.chains.get(chain);
      if (known === undefined) this.#newChains.push(`add chain ${this.#table} ${chain}\n`);
      else if (sameRules(known, rules)) continue;
      else this.#rules.push(`flush chain ${this.#table} ${chain}\n`);
      for (const rule of rules) this.#rules.push(`add rule ${this.#table} ${chain} ${rule}\n`);
    }
    for (const chain of before?.chains.keys() ?? []) {
      // Flushed first, so that chains that refer to each other can go in any order.
      if (after?.chains.has(chain) === true) continue;
      this.#rules.push(`flush chain ${this.#table} ${chain}\n`);
      this.#goneChains.push(`delete chain ${this.#table} ${chain}\n`);
    }
    for (const set of before?.affinitySets.keys() ?? []) {
      if (after?.affinitySets.has(set) !== true) this.#goneSets.push(`delete set ${this.#table} ${set}\n`);
    }
  }

  definitions(): readonly string[] {
    return [...this.#sets, ...this.#newChains, ...this.#rules];
  }

  removals(): readonly string[] {
    return [...this.#goneChains, ...this.#goneSets];
  }
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}
