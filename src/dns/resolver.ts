// One question to one answer: the zone first, everything else to the forwarder.
import type { Logger } from '#base/log.ts';
import { type Forwarder, ForwardError } from './forwarder.ts';
import type { Query, Response } from './message.ts';
import type { Question } from './records.ts';
import { spread } from './spread.ts';
import type { Zone } from './zone.ts';

const SERVFAIL: Response = { rcode: 'SERVFAIL', authoritative: false, answers: [] };

export class Resolver {
  readonly #zone: Zone;
  readonly #forwarder: Forwarder;
  readonly #logger: Logger;
  readonly #fraction: () => number;

  /** @param fraction as `spread` takes it */
  constructor(zone: Zone, forwarder: Forwarder, logger: Logger, fraction: () => number) {
    this.#zone = zone;
    this.#fraction = fraction;
    this.#forwarder = forwarder;
    this.#logger = logger;
  }

  /** Synchronous for names of the zone, so that they cost no turn of the event loop. */
  resolve(query: Query): Response | Promise<Response> {
    const response = this.#resolve(query);
    return response instanceof Promise ? response.then((later) => this.#spread(later)) : this.#spread(response);
  }

  #spread(response: Response): Response {
    return { ...response, answers: spread(response.answers, this.#fraction) };
  }

  #resolve({ question, askedName }: Query): Response | Promise<Response> {
    const answer = this.#zone.answer(question);
    switch (answer.kind) {
      case 'records':
        return {
          rcode: 'NOERROR',
          authoritative: true,
          answers:
            askedName === question.name
              ? answer.answers
              : answer.answers.map((r) => (r.name === question.name ? { ...r, name: askedName } : r)),
          additionals: answer.additionals,
        };
      case 'noData':
        return { rcode: 'NOERROR', authoritative: true, answers: [], authorities: [this.#zone.soa()] };
      case 'nxDomain':
        return { rcode: 'NXDOMAIN', authoritative: true, answers: [], authorities: [this.#zone.soa()] };
      case 'refused':
        return { rcode: 'REFUSED', authoritative: false, answers: [] };
      case 'alias':
        return this.#follow(answer, question.type);
      case 'elsewhere':
        return this.#forward(question);
    }
  }

  /** Aliases with what the last one stands for outside; aliases alone when that cannot be resolved now. */
  async #follow({ answers, target }: { readonly answers: Response['answers']; readonly target: string }, type: string): Promise<Response> {
    const outside = await this.#forward({ name: target, type });
    return { rcode: 'NOERROR', authoritative: true, answers: [...answers, ...outside.answers] };
  }

  async #forward(question: Question): Promise<Response> {
    try {
      const answer = await this.#forwarder.resolve(question);
      return { ...answer, authoritative: false };
    } catch (error) {
      if (!(error instanceof ForwardError)) throw error;
      this.#logger.warn('a name outside the cluster could not be resolved', { name: question.name, type: question.type, error });
      return SERVFAIL;
    }
  }
}
