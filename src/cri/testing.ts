// A container runtime in memory, for tests of what drives one: CRI's states, refusals and words as containerd gives them
// (the contract suite in ./testing runs against both), with behaviours, failures and times in the test's hands.
import { type Clock, ManualClock } from '#base/clock.ts';
import { type Ids, seededIds } from '#base/ids.ts';
import { orAborted } from '#base/or-aborted.ts';
import { ResultStream } from '#base/result-stream.ts';
import type { ConnectionState, CriClient, Input } from './contract.ts';
import { CriError } from './errors.ts';
import type { ContainerEventResponse } from './gen/calls.ts';
import type { Image } from './gen/objects.ts';
import type { ImageService, RuntimeService } from './gen/services.ts';
import type { ContainerStats } from './gen/stats.ts';
import { criCodec, CRI_SCHEMA } from './schema.ts';
import { type FakeImageOptions, FakeImages } from './testing/fake-images.ts';
import { FakePods } from './testing/fake-pods.ts';
import { FakeStreams } from './testing/fake-streams.ts';
import type { Behaviour, FakeContainer, FakeSandbox } from './testing/fake-state.ts';

export type { Behaviour, ExecResult, FakeContainer, FakeSandbox } from './testing/fake-state.ts';

export interface FakeRuntimeOptions {
  readonly clock?: Clock;
  readonly ids?: Ids;
  /** `unimplemented`: as containerd 1.6, which has no container events. Default `served`. */
  readonly events?: 'served' | 'unimplemented';
}

export interface RecordedCall {
  /** `runPodSandbox` */
  readonly method: string;
  /** As the runtime reads it: every scalar, list and map is there. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Runs before the runtime does: throwing or rejecting makes the call fail, a promise delays it. */
export type Intercept = (request: Readonly<Record<string, unknown>>) => void | Promise<void>;

type Handler = (request: never) => unknown;

/** Events a reader of the fake may be behind. */
const EVENT_BACKLOG = 10_000;

export class FakeRuntime implements CriClient {
  readonly runtime: RuntimeService;
  readonly image: ImageService;
  /** Every call so far, refused ones included, in order. */
  readonly calls: RecordedCall[] = [];
  readonly #images = new FakeImages();
  readonly #pods: FakePods;
  readonly #running: FakeStreams;
  readonly #behaviours: { readonly matches: (container: FakeContainer) => boolean; readonly behaviour: Behaviour }[] = [];
  readonly #intercepts: { readonly method: string; readonly run: Intercept }[] = [];
  readonly #streams = new Set<ResultStream<ContainerEventResponse>>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #conditions = new Map<string, { readonly status: boolean; readonly reason: string; readonly message: string }>();
  readonly #events: 'served' | 'unimplemented';
  #state: ConnectionState = 'ready';

  constructor({ clock = new ManualClock(), ids = seededIds(1), events = 'served' }: FakeRuntimeOptions = {}) {
    this.#events = events;
    this.#pods = new FakePods({
      clock,
      ids,
      images: this.#images,
      behaviourOf: (container) => this.#behaviours.findLast(({ matches }) => matches(container))?.behaviour ?? {},
      emit: (event) => this.#emit(event),
    });
    this.#running = new FakeStreams(this.#pods);
    this.setCondition('RuntimeReady', true);
    this.setCondition('NetworkReady', true);
    const own: Readonly<Record<string, Handler>> = {
      version: () => ({ version: '0.1.0', runtimeName: 'fake', runtimeVersion: '1.0.0', runtimeApiVersion: 'v1' }),
      status: () => ({ status: { conditions: [...this.#conditions].map(([type, condition]) => ({ type, ...condition })) } }),
      updateRuntimeConfig: () => ({}),
      runtimeConfig: () => ({ linux: { cgroupDriver: 'CGROUPFS' } }),
    };
    this.runtime = this.#service('runtime.v1.RuntimeService', {
      ...own,
      ...this.#pods.handlers,
      ...this.#running.handlers,
    }) as RuntimeService;
    this.image = this.#service('runtime.v1.ImageService', this.#images.handlers) as ImageService;
  }

  get sandboxes(): readonly FakeSandbox[] {
    return [...this.#pods.sandboxes.values()];
  }

  get containers(): readonly FakeContainer[] {
    return [...this.#pods.containers.values()];
  }

  /** The newest container with this name in its metadata. @throws Error when there is none */
  container(name: string): FakeContainer {
    const found = this.containers.findLast(({ config }) => config.metadata?.name === name);
    if (found === undefined) throw new Error(`the fake runtime has no container ${name}`);
    return found;
  }

  /** An image that is there without a pull. */
  addImage(name: string, options?: FakeImageOptions): Image {
    return this.#images.add(name, options);
  }

  /** An image that can be pulled. */
  publishImage(name: string, options?: FakeImageOptions): void {
    this.#images.publish(name, options);
  }

  /** How containers of this name (or all that match) behave from now on; of several, the last said holds. */
  behave(which: string | ((container: FakeContainer) => boolean), behaviour: Behaviour): void {
    const matches = typeof which === 'string' ? ({ config }: FakeContainer): boolean => config.metadata?.name === which : which;
    this.#behaviours.push({ matches, behaviour });
  }

  /** Ends a running container's program. `reason`: `OOMKilled`; by default what the exit code means. */
  exit(container: FakeContainer, exitCode: number, reason?: string): void {
    this.#pods.exit(container, exitCode, reason);
  }

  /** Writes a line to the container's log file. */
  log(container: FakeContainer, stream: 'stdout' | 'stderr', line: string): void {
    this.#pods.log(container, stream, line);
  }

  /** Lets the sandbox become not ready by itself. */
  loseSandbox(sandbox: FakeSandbox): void {
    this.#pods.loseSandbox(sandbox);
  }

  /** `RuntimeReady` or `NetworkReady` as the runtime's status shows it. */
  setCondition(type: string, status: boolean, reason = '', message = ''): void {
    this.#conditions.set(type, { status, reason, message });
  }

  /** What the runtime says a running container uses. */
  setUsage(containerId: string, usage: Input<ContainerStats>): void {
    this.#running.usage.set(containerId, usage);
  }

  /** Where exec, attach and port-forward are said to be served: the address of a test's own server. */
  setStreamingUrl(url: string): void {
    this.#running.url = url;
  }

  /** Runs before each call of the method, `startContainer`. @returns takes it off again */
  intercept(method: string, run: Intercept): () => void {
    const entry = { method, run };
    this.#intercepts.push(entry);
    return () => {
      const at = this.#intercepts.indexOf(entry);
      if (at !== -1) this.#intercepts.splice(at, 1);
    };
  }

  /** The method's next calls fail. */
  failNext(method: string, error: Error, times = 1): void {
    let left = times;
    const off = this.intercept(method, () => {
      left--;
      if (left === 0) off();
      throw error;
    });
  }

  /** The runtime goes away: calls fail, event streams end; containers live on. */
  crash(): void {
    this.#enter('unavailable');
    for (const stream of this.#streams) stream.fail(unavailable('GetContainerEvents'));
    this.#streams.clear();
  }

  recover(): void {
    this.#enter('ready');
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onStateChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ready(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'ready') return;
    if (this.#state === 'closed') throw unavailable('ready');
    await new Promise<void>((resolve, reject) => {
      const off = this.onStateChange((state) => {
        if (state === 'ready') resolve();
        else if (state === 'closed') reject(unavailable('ready'));
        else return;
        off();
      });
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  close(): void {
    if (this.#state === 'closed') return;
    for (const stream of this.#streams)
      stream.fail(new CriError({ code: 'Canceled', details: 'the client is closed', method: 'GetContainerEvents' }));
    this.#streams.clear();
    this.#enter('closed');
  }

  #enter(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  #emit(event: Input<ContainerEventResponse>): void {
    const full = asReceived('runtime.v1.ContainerEventResponse', event) as ContainerEventResponse;
    for (const stream of this.#streams) stream.push(full);
  }

  /** Requests and answers go through the codec, so that both look, and are refused, as over the wire. */
  #service(name: string, handlers: Readonly<Record<string, Handler>>): unknown {
    const methods = Object.entries(CRI_SCHEMA.services?.[name] ?? {});
    return Object.fromEntries(
      methods.map(([methodName, { request, response }]) => {
        const key = methodName.charAt(0).toLowerCase() + methodName.slice(1);
        if (key === 'getContainerEvents') return [key, () => this.#watch()];
        const call = async (given: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<unknown> => {
          signal?.throwIfAborted();
          const received = asReceived(request, given) as Readonly<Record<string, unknown>>;
          this.calls.push({ method: key, request: received });
          if (this.#state !== 'ready') throw unavailable(methodName);
          const handler = handlers[key];
          if (handler === undefined) throw unimplemented(methodName);
          const answer = async (): Promise<unknown> => {
            for (const { method, run } of [...this.#intercepts]) if (method === key) await run(received);
            return handler(received as never);
          };
          return asReceived(response, await orAborted(answer(), signal));
        };
        return [key, call];
      }),
    );
  }

  #watch(): AsyncIterableIterator<ContainerEventResponse> {
    const stream = new ResultStream<ContainerEventResponse>(EVENT_BACKLOG, () => this.#streams.delete(stream));
    this.calls.push({ method: 'getContainerEvents', request: {} });
    if (this.#state !== 'ready') stream.fail(unavailable('GetContainerEvents'));
    else if (this.#events === 'unimplemented') stream.fail(unimplemented('GetContainerEvents'));
    else this.#streams.add(stream);
    return stream;
  }
}

function asReceived(message: string, value: unknown): unknown {
  const codec = criCodec.message(message);
  return codec.decode(codec.encode(value));
}

function unavailable(method: string): CriError {
  return new CriError({ code: 'Unavailable', details: 'connection error: the fake runtime is down', method });
}

function unimplemented(method: string): CriError {
  return new CriError({ code: 'Unimplemented', details: `method ${method} not implemented`, method });
}
