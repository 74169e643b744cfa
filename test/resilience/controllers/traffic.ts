// What controllers ask of the API server, counted, and refused or left unanswered as often as a test says.
import { conflict, type StatusError, tooManyRequests } from '#apimachinery/errors.ts';
import { seededIds } from '#base/ids.ts';
import { type ApiRequest, ConnectionError, type Transport } from '#client/contract.ts';
import type { ControllerTest } from '../../harness/controllers.ts';

const WRITING: ReadonlySet<ApiRequest['verb']> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Of the storm: busy for this long. Seconds. */
const RETRY_AFTER_SECONDS = 2;

export class Traffic {
  /** In [0, 1): how many of the writes fail. */
  storm = 0;
  /** The answer to every write, when there is one. */
  refusal: StatusError | undefined;
  /** `update pods/status ns/name`. */
  writes: string[] = [];
  /** The same by controller. */
  byController = new Map<string, string[]>();
  reads = 0;
  readonly #chance = seededIds(11);

  clear(): void {
    this.writes = [];
    this.byController = new Map();
    this.reads = 0;
  }

  /** Stands between controllers and the server. */
  readonly between = (transport: Transport, controller: string): Transport => ({
    watch: (request) => transport.watch(request),
    getPath: (path, query, signal) => transport.getPath(path, query, signal),
    close: () => transport.close(),
    request: (request) => this.#carry(request, transport, controller),
  });

  async #carry(request: ApiRequest, transport: Transport, controller: string): Promise<unknown> {
    const { verb, resource, name = '', namespace, subresource } = request;
    if (!WRITING.has(verb)) {
      this.reads++;
      return transport.request(request);
    }
    const what = subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`;
    const line = `${verb} ${what} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    this.writes.push(line);
    this.byController.set(controller, [...(this.byController.get(controller) ?? []), line]);
    if (this.refusal !== undefined) throw this.refusal;
    if (this.#chance.fraction() >= this.storm) return transport.request(request);
    const dice = this.#chance.fraction();
    if (dice < 0.4) throw tooManyRequests('the server is busy', dice < 0.2 ? RETRY_AFTER_SECONDS : 0);
    // Whether a create was done that was not answered nobody can know: for those, refusals only.
    if (verb === 'create') throw conflict(resource, name, 'try again');
    if (dice < 0.7) throw conflict(resource, name, 'somebody was faster');
    await transport.request(request);
    throw new ConnectionError('the answer was lost');
  }
}

/** Lets `ms` of the controllers' clock pass, and them do what is to be done then. */
export async function pass(t: ControllerTest, ms: number): Promise<void> {
  let looked = false;
  await t.until(() => {
    const before = looked;
    looked = true;
    return Promise.resolve(before ? true : undefined);
  }, ms);
}

/** Until nothing is written any more for some seconds of the controllers' clock; `each`: what goes on every second. */
export async function settle(t: ControllerTest, traffic: Traffic, each: () => Promise<unknown> = async () => {}): Promise<void> {
  for (let still = 0, seen = -1; still < 20; still++) {
    if (traffic.writes.length !== seen) still = 0;
    seen = traffic.writes.length;
    await each();
    await pass(t, 1000);
  }
}
