// Holds NetworkPolicies on one node: informers in, nftables transactions out. Pods and namespaces are followed from the
// first policy on, so that a cluster without any pays nothing.
import { Readable } from 'node:stream';
import { type Clock, elapses, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { rulesStand, type Stake } from '#base/nft-rules.ts';
import { ProgramError, runNetworkProgram } from '#base/program.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import type { Namespace, NetworkPolicy, Pod } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { namespaceMatters, planPolicies, podMatters } from './plan.ts';
import { noRules, policyChanges, type PolicyElement, policyElements, type PolicyRules, policyStake, wholePolicyTable } from './rules.ts';

/** After a refused transaction. Milliseconds. */
const RETRY_MS = 1_000;

/** Between looks whether the rules are still there: a firewall that is loaded anew flushes all and tells nobody. Milliseconds. */
const LOOK_EVERY_MS = 10_000;

/** Elements of sets that one look asks for, so that look by look all have their turn. */
const ELEMENTS_A_LOOK = 2_000;

export interface Peers {
  /** Of all nodes. */
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
}

export interface PoliciesDeps {
  readonly policies: Informer<NetworkPolicy>;
  /** Begins to follow them; called once. */
  readonly peers: () => Peers;
  readonly nodeName: string;
  /** Of pods' addresses. */
  readonly families: readonly IpFamily[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Policies {
  readonly #deps: PoliciesDeps;
  /** In force, one set a family; undefined while that is unknown, and then all is written anew. */
  #rules: readonly PolicyRules[] | undefined;
  /** Elements in force that looks have not come to yet. */
  #looks = policyElements([]);
  /** Monotonic time of the next look. */
  #lookAt = 0;
  #peers: Peers | undefined;
  #wake = Promise.withResolvers<void>();
  readonly #leave: (() => void)[] = [];

  constructor(deps: PoliciesDeps) {
    this.#deps = deps;
  }

  /** Runs until the signal aborts; the rules stay in force then. */
  async run(signal: AbortSignal): Promise<void> {
    const { policies, clock, logger } = this.#deps;
    this.#follow(policies);
    this.#lookAt = clock.monotonic() + LOOK_EVERY_MS;
    signal.addEventListener('abort', () => this.#wake.resolve(), { once: true });
    try {
      await policies.synced();
      while (!signal.aborted) {
        try {
          await this.#apply(signal);
          await this.#rest(signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof ProgramError)) throw error;
          this.#rules = undefined;
          logger.error('network policies are not in force; all will be written anew', { error, retryMs: RETRY_MS });
          await wait(clock, RETRY_MS, signal).catch(() => {});
          this.#wake = Promise.withResolvers();
        }
      }
    } finally {
      for (const leave of this.#leave) leave();
    }
  }

  /** Until something changed, or somebody removed the rules. @throws ProgramError when that cannot be told */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    for (;;) {
      const left = this.#lookAt - clock.monotonic();
      if (left <= 0) {
        this.#lookAt = clock.monotonic() + LOOK_EVERY_MS;
        if (await rulesStand(this.#stake(), { signal })) continue;
        logger.warn('somebody removed the rules of network policies; all are written anew');
        this.#rules = undefined;
        return;
      }
      if (await elapses(clock, left, this.#wake.promise)) continue;
      this.#wake = Promise.withResolvers();
      return;
    }
  }

  #stake(): Stake {
    const rules = this.#rules ?? this.#deps.families.map(noRules);
    const elements: PolicyElement[] = [];
    while (elements.length < ELEMENTS_A_LOOK) {
      const { done, value } = this.#looks.next();
      if (done === true) {
        this.#looks = policyElements(rules);
        break;
      }
      elements.push(value);
    }
    return policyStake(rules, elements);
  }

  /** `matters` tells whether an update can change the rules. */
  #follow<T>(informer: Informer<T>, matters: (object: T, previous: T) => boolean = () => true): void {
    const changed = (): void => this.#wake.resolve();
    const updated = (object: T, previous: T): void => (matters(object, previous) ? changed() : undefined);
    this.#leave.push(informer.addHandlers({ added: changed, updated, deleted: changed }));
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const after = await this.#plan();
    const before = this.#rules;
    const script = after
      .map((rules, i) => (before?.[i] === undefined ? wholePolicyTable(rules) : policyChanges(before[i], rules)))
      .join('');
    if (script !== '') await runNetworkProgram('nft', ['-f', '-'], { input: Readable.from([script]), signal });
    this.#rules = after;
    if (script !== '') this.#looks = policyElements(after);
  }

  async #plan(): Promise<readonly PolicyRules[]> {
    const { families, nodeName } = this.#deps;
    const policies = [...this.#deps.policies.list()];
    if (policies.length === 0) return families.map(noRules);
    if (this.#peers === undefined) {
      this.#peers = this.#deps.peers();
      this.#follow(this.#peers.pods, podMatters);
      this.#follow(this.#peers.namespaces, namespaceMatters);
    }
    const { pods, namespaces } = this.#peers;
    await Promise.all([pods.synced(), namespaces.synced()]);
    const input = { nodeName, policies, pods: [...pods.list()], namespaces: [...namespaces.list()] };
    return families.map((family) => planPolicies({ ...input, family }));
  }
}
