// Uses of service account tokens, under upstream's names. Source: pkg/serviceaccount metrics.go.
import { CounterFamily } from '#base/metrics.ts';

const HELP = {
  legacy_tokens_total: 'Uses of service account tokens that are kept in Secrets.',
  stale_tokens_total: 'Uses of projected tokens that should have been renewed.',
  valid_tokens_total: 'Uses of projected tokens in time.',
  legacy_auto_token_uses_total: 'Uses of tokens in Secrets that were made for their service account.',
  legacy_manual_token_uses_total: 'Uses of tokens in Secrets that somebody made.',
  invalid_legacy_auto_token_uses_total: 'Uses of tokens in Secrets that are marked invalid.',
} as const;

export type TokenUse = keyof typeof HELP;

export class TokenMetrics {
  readonly #families: ReadonlyMap<TokenUse, CounterFamily>;

  constructor() {
    const names = Object.keys(HELP) as TokenUse[];
    this.#families = new Map(names.map((name) => [name, new CounterFamily(`serviceaccount_${name}`, HELP[name], [])]));
    for (const family of this.#families.values()) family.of(); // there from the start, as 0
  }

  used(name: TokenUse): void {
    this.#families.get(name)?.of().add();
  }

  expose(): string {
    return [...this.#families.values()].map((family) => family.expose()).join('');
  }
}
