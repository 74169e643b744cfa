// The device plugins that are there: they register on a socket of the kubelet's or by one of their own, and tell all the time
// which devices the node has. Source: pkg/kubelet/cm/devicemanager manager.go, plugin/v1beta1.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server } from '@grpc/grpc-js';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { makeFolder } from '#base/make-folder.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { callStream, type Caller } from '#cri/call.ts';
import { Connection } from '#cri/connection.ts';
import { addService, listenOn } from '../plugins/grpc-service.ts';
import { ask } from '../plugins/plugin-api.ts';
import type { PluginHandler, RegisteredPlugin } from '../plugins/plugin-watcher.ts';
import { DEVICE_API_VERSION, type Device, deviceCodec, getOptions, listAndWatch, type PluginOptions, type RegisterRequest } from './api.ts';

/** For questions that a plugin answers at once. Milliseconds. Source: dial's timeout of ten seconds. */
const ANSWER_MS = 10_000;
/** A plugin may be away so long before the node has its devices no more. Milliseconds. Source: endpointStopGracePeriod. */
const STOP_GRACE_MS = 300_000;

export interface DevicePluginsDeps {
  /** `device-plugins` below the kubelet's folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How many of each resource. */
export interface DeviceTotals {
  readonly capacity: Readonly<Record<string, number>>;
  /** Those that are well. */
  readonly allocatable: Readonly<Record<string, number>>;
}

/** One plugin of a resource. */
export interface DevicePlugin {
  readonly caller: Caller;
  readonly options: PluginOptions;
}

interface Plugin extends DevicePlugin {
  readonly endpoint: string;
  readonly connection: Connection;
  readonly stop: AbortController;
}

interface Resource {
  /** Undefined while none is there. */
  plugin: Plugin | undefined;
  /** By id, as its plugin said last. */
  devices: ReadonlyMap<string, Device>;
  cancelForget: CancelTimer;
}

export class DevicePlugins implements PluginHandler {
  readonly #deps: DevicePluginsDeps;
  readonly #server = new Server();
  readonly #resources = new Map<string, Resource>();
  #stopped = false;
  /** Called when the node has other devices than before. */
  onChange: () => void = () => {};

  constructor(deps: DevicePluginsDeps) {
    this.#deps = deps;
    addService(this.#server, deviceCodec, `${DEVICE_API_VERSION}.Registration`, {
      Register: ['Registration', 'Empty', (request: RegisterRequest) => this.#registered(request)],
    });
  }

  /** Sockets of plugins go: they see the kubelet's own come, and register again. A node without it runs pods all the same. */
  async start(): Promise<void> {
    const { folder, logger } = this.#deps;
    try {
      makeFolder(folder, 0o750);
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true, recursive: true });
      await listenOn(this.#server, join(folder, 'kubelet.sock'));
    } catch (error) {
      logger.error('device plugins cannot register', { folder, error: error as Error });
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#server.forceShutdown();
    for (const { plugin, cancelForget } of this.#resources.values()) {
      cancelForget();
      if (plugin !== undefined) end(plugin);
    }
  }

  /** A resource of which pods had devices in an earlier run: the node has none until its plugin is back. */
  expect(resource: string): void {
    if (!this.#resources.has(resource)) this.#resources.set(resource, { plugin: undefined, devices: new Map(), cancelForget: () => {} });
  }

  has(resource: string): boolean {
    return this.#resources.has(resource);
  }

  plugin(resource: string): DevicePlugin | undefined {
    return this.#resources.get(resource)?.plugin;
  }

  /** Devices of a resource that are well. */
  healthy(resource: string): readonly Device[] {
    return [...(this.#resources.get(resource)?.devices.values() ?? [])].filter(({ health }) => health === 'Healthy');
  }

  /** Well or not. */
  all(resource: string): readonly Device[] {
    return [...(this.#resources.get(resource)?.devices.values() ?? [])];
  }

  device(resource: string, id: string): Device | undefined {
    return this.#resources.get(resource)?.devices.get(id);
  }

  resources(): readonly string[] {
    return [...this.#resources.keys()];
  }

  totals(): DeviceTotals {
    const counted = (count: (resource: string) => number): Record<string, number> =>
      Object.fromEntries(this.resources().map((resource) => [resource, count(resource)]));
    return {
      capacity: counted((resource) => this.#resources.get(resource)?.devices.size ?? 0),
      allocatable: counted((resource) => this.healthy(resource).length),
    };
  }

  async #registered({ version, endpoint, resourceName }: RegisterRequest): Promise<object | Error> {
    const problem = versionProblem([version]) ?? nameProblem(resourceName);
    if (problem !== undefined) return new Error(problem);
    await this.#connect(resourceName, join(this.#deps.folder, endpoint));
    return {};
  }

  async register({ name, endpoint, supportedVersions }: RegisteredPlugin): Promise<string | undefined> {
    const problem = versionProblem(supportedVersions) ?? nameProblem(name);
    if (problem !== undefined) return problem;
    await this.#connect(name, endpoint);
    return undefined;
  }

  deregister({ name, endpoint }: RegisteredPlugin): void {
    const plugin = this.#resources.get(name)?.plugin;
    if (plugin?.endpoint === endpoint) this.#lose(name, plugin);
  }

  /** A plugin that registers again takes the place of the one before. @throws CriError when it does not answer */
  async #connect(resource: string, endpoint: string): Promise<void> {
    const { clock, logger } = this.#deps;
    const connection = new Connection(endpoint, logger, `device plugin ${resource}`);
    const caller = { connection, clock, timeoutMs: ANSWER_MS };
    let options: PluginOptions;
    try {
      options = await ask(caller, getOptions, {});
    } catch (error) {
      connection.close();
      throw error;
    }
    const plugin = { endpoint, connection, caller, options, stop: new AbortController() };
    if (this.#stopped) {
      end(plugin);
      return;
    }
    this.expect(resource);
    const known = this.#resources.get(resource) as Resource;
    const previous = known.plugin;
    known.cancelForget();
    known.plugin = plugin;
    if (previous !== undefined) end(previous);
    logger.info('a device plugin is registered', { resource, endpoint });
    void this.#follow(resource, plugin);
  }

  async #follow(resource: string, plugin: Plugin): Promise<void> {
    const known = this.#resources.get(resource) as Resource;
    try {
      const lists = callStream(plugin.caller, listAndWatch, {}, { timeoutMs: Infinity, signal: plugin.stop.signal });
      for await (const { devices } of lists as AsyncIterable<{ readonly devices: readonly Device[] }>) {
        if (known.plugin !== plugin) return;
        known.devices = new Map(devices.map((device) => [device.id, device]));
        this.onChange();
      }
    } catch (error) {
      if (!plugin.stop.signal.aborted) this.#deps.logger.info('a device plugin is gone', { resource, error: error as Error });
    }
    if (known.plugin === plugin) this.#lose(resource, plugin);
  }

  /** Its devices are not well any more, and after a while not there. */
  #lose(resource: string, plugin: Plugin): void {
    end(plugin);
    const known = this.#resources.get(resource) as Resource;
    if (this.#stopped || known.plugin !== plugin) return;
    known.plugin = undefined;
    known.devices = new Map([...known.devices].map(([id, device]) => [id, { ...device, health: 'Unhealthy' }]));
    known.cancelForget = this.#deps.clock.after(STOP_GRACE_MS, () => {
      known.devices = new Map();
      this.onChange();
    });
    this.onChange();
  }
}

function end({ stop, connection }: Plugin): void {
  stop.abort(new Error('the device plugin is not followed any more'));
  connection.close();
}

/** Source: validatePlugin, Register. */
function versionProblem(versions: readonly string[]): string | undefined {
  if (versions.includes(DEVICE_API_VERSION)) return undefined;
  return `requested API version "${versions.join(' ')}" is not supported by kubelet. Supported version is "${DEVICE_API_VERSION}"`;
}

/** Source: IsExtendedResourceName. */
function nameProblem(name: string): string | undefined {
  const extended =
    name.includes('/') &&
    !name.includes('kubernetes.io/') &&
    !name.startsWith('requests.') &&
    qualifiedName(`requests.${name}`).length === 0;
  return extended ? undefined : `the ResourceName "${name}" is invalid`;
}
