// The drivers of dynamic resources that are there, and what becomes of their devices when they are not.
// Source: pkg/kubelet/cm/dra/plugin dra_plugin_manager.go.
import { type CancelTimer, type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { goQuotedList } from '#apimachinery/go-format.ts';
import { resourceslices } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import type { Caller } from '#cri/call.ts';
import { Connection } from '#cri/connection.ts';
import { DRA_SERVICES, type DraCalls } from '../plugins/plugin-api.ts';
import { DeviceHealth, HEALTH_SERVICE } from './device-health.ts';
import type { PluginHandler, RegisteredPlugin } from '../plugins/plugin-watcher.ts';

/** For each call to a driver. Milliseconds. Source: defaultClientCallTimeout. */
const CALL_MS = 45_000;
/** A driver may be away so long before its devices are taken back. Milliseconds. Source: defaultWipingDelay. */
const WIPE_AFTER_MS = 30_000;
/** Between attempts to take them back, doubled. Milliseconds. Source: wipeResourceSlices. */
const WIPE_RETRY_MS = { first: 1_000, longest: 300_000 };

export interface DraPluginsDeps {
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a driver can be asked. */
export interface DraPlugin {
  readonly caller: Caller;
  readonly calls: DraCalls;
}

interface Driver extends DraPlugin {
  readonly endpoint: string;
  readonly connection: Connection;
  readonly gone: AbortController;
}

export class DraPlugins implements PluginHandler {
  readonly #deps: DraPluginsDeps;
  /** By driver, the one that registered last at the end: while a driver is replaced both are there. */
  readonly #drivers = new Map<string, readonly Driver[]>();
  readonly #wipes = new Map<string, CancelTimer>();
  readonly #stop = new AbortController();
  readonly health: DeviceHealth;

  constructor(deps: DraPluginsDeps) {
    this.#deps = deps;
    this.health = new DeviceHealth(deps.clock, deps.logger);
  }

  /** No driver is there yet, and some may not come back: what an earlier run left to be allocated is taken back. */
  start(): void {
    void this.#wipe(undefined);
  }

  stop(): void {
    this.#stop.abort(new Error('the kubelet stops'));
    for (const cancel of this.#wipes.values()) cancel();
    this.health.stop();
    for (const driver of [...this.#drivers.values()].flat()) leave(driver);
  }

  /** Rather one that is connected. Undefined when the driver is not registered. */
  get(driver: string): DraPlugin | undefined {
    const plugins = this.#drivers.get(driver) ?? [];
    return plugins.findLast(({ connection }) => connection.state === 'ready') ?? plugins.at(-1);
  }

  register({ name, endpoint, supportedVersions }: RegisteredPlugin): string | undefined {
    const version = supportedVersions.find((each) => DRA_SERVICES.has(each));
    if (version === undefined) {
      const at = `invalid supported gRPC versions of DRA driver plugin ${name} at endpoint ${endpoint}`;
      return supportedVersions.length === 0
        ? `${at}: empty list of supported gRPC services (aka supported versions)`
        : `${at}: none of services supported by the plugin (${goQuotedList(supportedVersions)}) are supported by the kubelet (${goQuotedList([...DRA_SERVICES.keys()])})`;
    }
    const known = this.#drivers.get(name) ?? [];
    if (known.some((each) => each.endpoint === endpoint)) return `endpoint ${endpoint} already registered for DRA driver plugin ${name}`;
    const { clock, logger } = this.#deps;
    const connection = new Connection(endpoint, logger, `DRA driver ${name}`);
    connection.onStateChange(() => this.#changed(name));
    const driver = {
      endpoint,
      connection,
      gone: new AbortController(),
      caller: { connection, clock, timeoutMs: CALL_MS },
      calls: DRA_SERVICES.get(version) as DraCalls,
    };
    this.#drivers.set(name, [...known, driver]);
    if (supportedVersions.includes(HEALTH_SERVICE)) void this.health.follow(name, driver.caller, driver.gone.signal);
    this.#changed(name);
    return undefined;
  }

  deregister({ name, endpoint }: RegisteredPlugin): void {
    const known = this.#drivers.get(name) ?? [];
    const left = known.filter((each) => each.endpoint !== endpoint);
    if (left.length === 0) this.#drivers.delete(name);
    else this.#drivers.set(name, left);
    for (const driver of known.filter((each) => !left.includes(each))) leave(driver);
    this.#changed(name);
  }

  /** Takes a driver's devices back once it has been away for long. */
  #changed(driver: string): void {
    if (this.#stop.signal.aborted) return;
    const usable = (this.#drivers.get(driver) ?? []).some(({ connection }) => connection.state === 'ready');
    const pending = this.#wipes.get(driver);
    if (usable) {
      pending?.();
      this.#wipes.delete(driver);
    } else if (pending === undefined) {
      const stop = new AbortController();
      const cancelTimer = this.#deps.clock.after(WIPE_AFTER_MS, () => void this.#wipe(driver, stop.signal));
      this.#wipes.set(driver, () => {
        cancelTimer();
        stop.abort(new Error('the driver is back'));
      });
    }
  }

  /** Deletes the ResourceSlices of this node, of one driver or of all; tries until that is done. */
  async #wipe(driver: string | undefined, pending?: AbortSignal): Promise<void> {
    const { client, nodeName, clock, logger } = this.#deps;
    const signal = pending === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, pending]);
    const fieldSelector = [`spec.nodeName=${nodeName}`, ...(driver === undefined ? [] : [`spec.driver=${driver}`])].join(',');
    for (let pause = WIPE_RETRY_MS.first; !signal.aborted; pause = Math.min(pause * 2, WIPE_RETRY_MS.longest)) {
      try {
        await client.deleteCollection(resourceslices, { fieldSelector }, { signal });
        return;
      } catch (error) {
        if (signal.aborted || isStatusError(error, 'NotFound')) return;
        logger.debug('ResourceSlices could not be deleted', { fieldSelector, error: error as Error, retryMs: pause });
        await wait(clock, pause, signal).catch(() => {});
      }
    }
  }
}

function leave({ gone, connection }: Driver): void {
  gone.abort(new Error('the driver is gone'));
  connection.close();
}
