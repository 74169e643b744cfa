// Service account tokens for pods, asked from the API and kept until they are due for renewal.
import { serviceaccounts } from '#api/resources.ts';
import type { Pod, ServiceAccountTokenProjection, TokenRequestStatus } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Client } from '#client/contract.ts';
import { timeOf } from '../pod/times.ts';

/** Share of its life after which a token is renewed, and most of its age. Source: token manager requiresRefresh. */
const RENEW_AT = 0.8;
const MAX_AGE_MS = 24 * 3_600_000;
/** Spreads renewals, milliseconds. Source: maxJitter. */
const MAX_JITTER_MS = 10_000;

/** Of a token's times to this clock, milliseconds. Source: go-jose jwt DefaultLeeway, with which a token is judged. */
const MAX_SKEW_MS = 60_000;

interface Kept {
  readonly token: string;
  readonly expires: number;
  readonly lifeMs: number;
  readonly jitterMs: number;
}

export class TokenManager {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #ids: Ids;
  /** By pod uid, then by what was asked. */
  readonly #kept = new Map<string, Map<string, Kept>>();

  constructor(client: Client, clock: Clock, ids: Ids) {
    this.#client = client;
    this.#clock = clock;
    this.#ids = ids;
  }

  /**
   * A token bound to the pod. One that is due but still valid is given when no new one can be had.
   * @throws StatusError, ConnectionError when there is none
   */
  async token(pod: Pod, source: ServiceAccountTokenProjection): Promise<string> {
    return (await this.issued(pod, source)).token;
  }

  /** As `token`, with the end of its life, milliseconds since the epoch. */
  async issued(pod: Pod, source: ServiceAccountTokenProjection): Promise<Pick<Kept, 'token' | 'expires'>> {
    const key = keyOf(pod, source);
    const ofPod = this.#kept.get(pod.metadata.uid);
    const kept = ofPod?.get(key);
    if (kept !== undefined && this.#dueIn(kept) > 0) return kept;
    try {
      const fresh = await this.#request(pod, source);
      const map = this.#kept.get(pod.metadata.uid) ?? new Map<string, Kept>();
      map.set(key, fresh);
      this.#kept.set(pod.metadata.uid, map);
      return fresh;
    } catch (error) {
      if (kept !== undefined && this.#clock.now() < kept.expires) return kept;
      throw error;
    }
  }

  /** Milliseconds until this token is due; undefined when there is none. */
  dueIn(pod: Pod, source: ServiceAccountTokenProjection): number | undefined {
    const kept = this.#kept.get(pod.metadata.uid)?.get(keyOf(pod, source));
    return kept === undefined ? undefined : this.#dueIn(kept);
  }

  /** At once for one that is good only later, since the clock was set back: nobody takes it. */
  #dueIn(kept: Kept): number {
    const now = this.#clock.now();
    return kept.expires - kept.lifeMs > now + MAX_SKEW_MS ? 0 : Math.max(0, renewalOf(kept) - now);
  }

  forget(podUid: string): void {
    this.#kept.delete(podUid);
  }

  async #request(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): Promise<Kept> {
    const ref = { name: serviceAccountOf(pod), namespace: pod.metadata.namespace };
    const answer = await this.#client.createSubresource<{
      readonly status: TokenRequestStatus;
      readonly spec?: { readonly expirationSeconds?: number };
    }>(serviceaccounts, ref, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { ...ref },
      spec: {
        audiences: audience === undefined || audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
      },
    });
    const now = this.#clock.now();
    const lifeMs = Number(answer.spec?.expirationSeconds ?? expirationSeconds) * 1000;
    return {
      token: answer.status.token,
      expires: timeOf(answer.status.expirationTimestamp) ?? now + lifeMs,
      lifeMs,
      jitterMs: this.#ids.fraction() * MAX_JITTER_MS,
    };
  }
}

function renewalOf({ expires, lifeMs, jitterMs }: Kept): number {
  const issued = expires - lifeMs;
  return Math.min(issued + lifeMs * RENEW_AT, issued + MAX_AGE_MS) - jitterMs;
}

function serviceAccountOf({ spec }: Pod): string {
  return spec.serviceAccountName === undefined || spec.serviceAccountName === '' ? 'default' : spec.serviceAccountName;
}

function keyOf(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): string {
  return JSON.stringify([serviceAccountOf(pod), audience ?? '', expirationSeconds]);
}
