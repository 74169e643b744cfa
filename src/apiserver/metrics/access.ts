// Who came in and what was allowed, under upstream's names. Source: apiserver pkg/endpoints/filters metrics.go.
import { CounterFamily, type Counter } from './series.ts';

export class AccessMetrics {
  readonly #authentication = new CounterFamily({ name: 'authentication_attempts', help: 'Counter of authenticated attempts.' });
  readonly #authorization = new CounterFamily({
    name: 'authorization_attempts_total',
    help: "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
  });
  readonly authenticated: Counter = this.#authentication.of({ result: 'success' });
  readonly unauthenticated: Counter = this.#authentication.of({ result: 'failure' });
  readonly authenticationErrors: Counter = this.#authentication.of({ result: 'error' });
  readonly allowed: Counter = this.#authorization.of({ result: 'allowed' });
  readonly denied: Counter = this.#authorization.of({ result: 'denied' });
  readonly noOpinion: Counter = this.#authorization.of({ result: 'no-opinion' });
  readonly authorizationErrors: Counter = this.#authorization.of({ result: 'error' });

  expose(): string {
    return this.#authentication.expose() + this.#authorization.expose();
  }
}
