// Finds plugins by the sockets they put into a folder, asks each who it is, and hands it to whoever works with its kind.
// Source: pkg/kubelet/pluginmanager.
import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { makeFolder } from '#base/make-folder.ts';
import { Connection } from '#cri/connection.ts';
import { CriError } from '#cri/errors.ts';
import { ask, getInfo, notifyRegistrationStatus, type PluginInfo } from './plugin-api.ts';

/** Plugins of one kind. */
export interface PluginHandler {
  /** Why the plugin cannot be used, in words it is told; undefined when it can, and is from now on. */
  register(plugin: RegisteredPlugin): string | undefined | Promise<string | undefined>;
  deregister(plugin: RegisteredPlugin): void;
}

export interface RegisteredPlugin {
  readonly name: string;
  /** Path of the socket where it does its work. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

export interface PluginWatcherDeps {
  /** `plugins_registry` below the kubelet's folder. */
  readonly folder: string;
  /** By type: `DRAPlugin`. */
  readonly handlers: ReadonlyMap<string, PluginHandler>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For each question. Milliseconds. Source: dialTimeoutDuration, notifyTimeoutDuration. */
const ANSWER_MS = 10_000;
/** After a registration that failed, doubled. Milliseconds. Source: exponentialbackoff initialDurationBeforeRetry, maxDurationBeforeRetry. */
const RETRY_MS = { first: 500, longest: 122_000 };
/** The folder is looked at without a cause as often, should the kernel's news have been lost. Milliseconds. */
const LOOK_MS = 60_000;

/** One socket in the folder. */
interface Found {
  /** Tells a socket from another one made later under its name. */
  readonly stamp: string;
  readonly stop: AbortController;
  plugin: { readonly handler: PluginHandler; readonly registered: RegisteredPlugin } | undefined;
}

export class PluginWatcher {
  readonly #deps: PluginWatcherDeps;
  readonly #found = new Map<string, Found>();
  #watcher: FSWatcher | undefined;
  #cancelLook: CancelTimer = () => {};

  constructor(deps: PluginWatcherDeps) {
    this.#deps = deps;
  }

  /** Begins with those that are there. */
  start(): void {
    this.#look();
  }

  /** Plugins are told nothing: they register again with the next kubelet. */
  stop(): void {
    this.#watcher?.close();
    this.#cancelLook();
    for (const { stop } of this.#found.values()) stop.abort(new Error('the kubelet stops'));
  }

  #look(): void {
    this.#cancelLook();
    this.#cancelLook = this.#deps.clock.after(LOOK_MS, () => this.#look());
    const present = new Map(this.#sockets());
    for (const [path, found] of this.#found) if (present.get(path) !== found.stamp) this.#lose(path, found);
    for (const [path, stamp] of present) {
      if (this.#found.has(path)) continue;
      const found: Found = { stamp, stop: new AbortController(), plugin: undefined };
      this.#found.set(path, found);
      void this.#register(path, found);
    }
  }

  /** None while the folder cannot be read or made: a node without plugins is a node all the same. */
  #sockets(): readonly (readonly [string, string])[] {
    const { folder, logger } = this.#deps;
    try {
      if (this.#watcher === undefined || !existsSync(folder)) this.#watch(folder);
      return socketsIn(folder);
    } catch (error) {
      logger.error('the folder of plugins cannot be looked at', { folder, error: error as Error, retryMs: LOOK_MS });
      return [];
    }
  }

  /** Also of a folder that somebody removed. @throws Error when it cannot be made, or the kernel watches no more */
  #watch(folder: string): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    makeFolder(folder, 0o750);
    const watcher = watch(folder, () => this.#look());
    watcher.on('error', (error) => this.#deps.logger.error('the folder of plugins cannot be watched', { folder, error }));
    watcher.unref();
    this.#watcher = watcher;
  }

  #lose(path: string, { stop, plugin }: Found): void {
    this.#found.delete(path);
    stop.abort(new Error('the socket is gone'));
    plugin?.handler.deregister(plugin.registered);
  }

  async #register(path: string, found: Found, pause = RETRY_MS.first): Promise<void> {
    const { clock, logger } = this.#deps;
    const { signal } = found.stop;
    try {
      await this.#introduce(path, found);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn('a plugin could not be registered', { socket: path, error: error as Error, retryMs: pause });
      const cancel = clock.after(pause, () => void this.#register(path, found, Math.min(pause * 2, RETRY_MS.longest)));
      signal.addEventListener('abort', cancel, { once: true });
    }
  }

  /** @throws CriError; Error when the plugin cannot be used, which it has been told then */
  async #introduce(path: string, found: Found): Promise<void> {
    const { clock, logger } = this.#deps;
    const { signal } = found.stop;
    const connection = new Connection(path, logger, 'plugin registration');
    const caller = { connection, clock, timeoutMs: ANSWER_MS };
    try {
      const info = await ask(caller, getInfo, {}, signal);
      signal.throwIfAborted();
      const problem = await this.#admit(info, path, found);
      await ask(caller, notifyRegistrationStatus, { pluginRegistered: problem === undefined, error: problem ?? '' }, signal);
      if (problem !== undefined) throw new Error(problem);
      logger.info('a plugin is registered', { type: info.type, plugin: info.name, socket: path });
    } catch (error) {
      // Without its answer it does not know that it is registered, and may never serve.
      if (error instanceof CriError && found.plugin !== undefined) {
        found.plugin.handler.deregister(found.plugin.registered);
        found.plugin = undefined;
      }
      throw error;
    } finally {
      connection.close();
    }
  }

  /** Why it cannot be used. Source: GenerateRegisterPluginFunc. */
  async #admit({ type, name, endpoint, supportedVersions }: PluginInfo, path: string, found: Found): Promise<string | undefined> {
    const handler = this.#deps.handlers.get(type);
    if (handler === undefined) return `RegisterPlugin error -- no handler registered for plugin type: ${type} at socket ${path}`;
    const registered = { name, endpoint: endpoint === '' ? path : endpoint, supportedVersions };
    const problem = await handler.register(registered);
    if (problem !== undefined) return `RegisterPlugin error -- plugin validation failed with err: ${problem}`;
    if (found.stop.signal.aborted) handler.deregister(registered); // it went meanwhile
    else found.plugin = { handler, registered };
    return undefined;
  }
}

/** Path and stamp of each socket. */
function socketsIn(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isSocket() && !entry.name.startsWith('.'))
    .flatMap(({ name }) => {
      const path = join(folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? [] : [[path, `${stat.ino} ${stat.ctimeMs}`] as const];
    });
}
