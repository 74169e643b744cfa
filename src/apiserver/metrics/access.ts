// Who came in and what was allowed, under upstream's names. Source: apiserver pkg/endpoints/filters metrics.go.
import { CounterFamily, exponentialBuckets, HistogramFamily, type Counter, type Histogram } from '#base/metrics.ts';

/** Seconds. */
const SECONDS = exponentialBuckets(0.001, 2, 15);

const attempts = (name: string, help: string): CounterFamily => new CounterFamily(name, help, ['result']);
const durations = (name: string, help: string): HistogramFamily => new HistogramFamily(name, help, ['result'], SECONDS);

/** Attempts that came out the same way. */
class Result {
  readonly #count: Counter;
  readonly #duration: Histogram;

  constructor(result: string, counts: CounterFamily, times: HistogramFamily) {
    this.#count = counts.of(result);
    this.#duration = times.of(result);
  }

  /** @param ms how long it took to decide */
  took(ms: number): void {
    this.#count.add();
    this.#duration.observe(ms / 1_000);
  }
}

export class AccessMetrics {
  readonly #authentications = attempts('authentication_attempts', 'Requests whose credentials were looked at, by what came of it.');
  readonly #authenticationTimes = durations('authentication_duration_seconds', 'Time to find out who asks, in seconds.');
  readonly #authorizations = attempts('authorization_attempts_total', 'Requests that the authorizers judged, by their decision.');
  readonly #authorizationTimes = durations('authorization_duration_seconds', 'Time to find out whether they may, in seconds.');
  readonly #users = new CounterFamily('authenticated_user_requests', 'Requests with valid credentials, by kind of user name.', [
    'username',
  ]);

  readonly authenticated = new Result('success', this.#authentications, this.#authenticationTimes);
  readonly unauthenticated = new Result('failure', this.#authentications, this.#authenticationTimes);
  readonly authenticationErrors = new Result('error', this.#authentications, this.#authenticationTimes);
  readonly allowed = new Result('allowed', this.#authorizations, this.#authorizationTimes);
  readonly denied = new Result('denied', this.#authorizations, this.#authorizationTimes);
  readonly noOpinion = new Result('no-opinion', this.#authorizations, this.#authorizationTimes);
  readonly authorizationErrors = new Result('error', this.#authorizations, this.#authorizationTimes);

  cameAs(user: string): void {
    this.#users.of(userKind(user)).add();
  }

  /** Text exposition format. */
  expose(): string {
    return [this.#authentications, this.#authenticationTimes, this.#users, this.#authorizations, this.#authorizationTimes]
      .map((each) => each.expose())
      .join('');
  }
}

const SHOWN: ReadonlySet<string> = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);

/** No name of a person is shown. Source: compressUsername. */
const userKind = (user: string): string => (SHOWN.has(user) ? user : user.includes('@') ? 'email_id' : 'other');
