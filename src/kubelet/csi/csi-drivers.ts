// CSI drivers of this node: found by their registration, told to the cluster in the node's CSINode.
// Source: pkg/volume/csi csi_plugin.go RegistrationHandler, nodeinfomanager.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { HistogramFamily } from '#base/metrics.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { csinodes, nodes } from '#api/resources.ts';
import type { CSINode, CSINodeDriver } from '#api/gen/storage-v1.ts';
import type { New } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { retryOnConflict } from '#client/retry-on-conflict.ts';
import type { Caller } from '#cri/call.ts';
import { Connection } from '#cri/connection.ts';
import { CriError } from '#cri/errors.ts';
import { ask, type PluginCall } from '../plugins/plugin-api.ts';
import type { PluginHandler, RegisteredPlugin } from '../plugins/plugin-watcher.ts';
import { CSI, type NodeInfo } from './csi-api.ts';

/** For each call. Milliseconds. Source: csiTimeout. */
const CALL_MS = 120_000;

const OPERATION_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

/** Where others look up what a driver calls this node. Source: annotationKeyNodeID. */
const NODE_ID_ANNOTATION = 'csi.volume.kubernetes.io/nodeid';

export interface CsiDriversDeps {
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

interface Driver {
  readonly endpoint: string;
  readonly connection: Connection;
  readonly caller: Caller;
  capabilities: Promise<ReadonlySet<string>> | undefined;
}

export class CsiDrivers implements PluginHandler {
  readonly #deps: CsiDriversDeps;
  readonly #drivers = new Map<string, Driver>();
  /** Source: pkg/volume/csi csi_metrics.go, pkg/volume/util metrics.go. */
  readonly #seconds = new HistogramFamily(
    'csi_operations_seconds',
    'Container Storage Interface operation duration with gRPC error code status total',
    ['driver_name', 'grpc_status_code', 'method_name', 'migrated'],
    OPERATION_SECONDS,
  );
  /** Changes of the CSINode, one after the other. */
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: CsiDriversDeps) {
    this.#deps = deps;
  }

  stop(): void {
    for (const { connection } of this.#drivers.values()) connection.close();
  }

  /** @throws CriError; undefined for a driver that is not registered */
  ask<Request, Response>(driver: string, call: PluginCall<Request, Response>, request: Request): Promise<Response> | undefined {
    const known = this.#drivers.get(driver);
    return known === undefined ? undefined : this.#ask(driver, known.caller, call, request);
  }

  /** Optional calls the driver knows; undefined for a driver that is not registered. @throws CriError */
  capabilities(driver: string): Promise<ReadonlySet<string>> | undefined {
    const known = this.#drivers.get(driver);
    if (known === undefined) return undefined;
    known.capabilities ??= this.#ask(driver, known.caller, CSI.getCapabilities, {}).then(
      ({ capabilities }) => new Set(capabilities.map(({ rpc }) => String(rpc?.type))),
      (error: unknown) => {
        known.capabilities = undefined;
        throw error;
      },
    );
    return known.capabilities;
  }

  /** Prometheus' text format. */
  expose(): string {
    return this.#seconds.expose();
  }

  async #ask<Request, Response>(driver: string, caller: Caller, call: PluginCall<Request, Response>, request: Request): Promise<Response> {
    const { clock } = this.#deps;
    const began = clock.monotonic();
    const done = (code: string): void => this.#seconds.of(driver, code, call.path, 'false').observe((clock.monotonic() - began) / 1000);
    try {
      const answer = await ask(caller, call, request);
      done('OK');
      return answer;
    } catch (error) {
      if (error instanceof CriError) done(error.code);
      throw error;
    }
  }

  async register({ name, endpoint, supportedVersions }: RegisteredPlugin): Promise<string | undefined> {
    const { clock, logger } = this.#deps;
    if (supportedVersions.length === 0) return `CSI driver name ${name} at ${endpoint} has an empty supported versions list`;
    if (!supportedVersions.some((version) => /^v?1(\.|$)/.test(version)))
      return `CSI driver ${name} at ${endpoint}: none of versions ${supportedVersions.join(', ')} is a version 1`;
    const connection = new Connection(endpoint, logger, `CSI driver ${name}`);
    const driver: Driver = { endpoint, connection, caller: { connection, clock, timeoutMs: CALL_MS }, capabilities: undefined };
    try {
      const info = await this.#ask(name, driver.caller, CSI.getInfo, {});
      if (info.nodeId === '') throw new CriError({ code: 'Internal', details: 'the driver gives this node no id', method: 'NodeGetInfo' });
      await this.#tell(() => this.#install(name, info));
    } catch (error) {
      connection.close();
      if (error instanceof CriError || error instanceof StatusError || error instanceof ConnectionError)
        return `error updating CSINode object with CSI driver node info: ${error.message}`;
      throw error;
    }
    this.#drivers.get(name)?.connection.close();
    this.#drivers.set(name, driver);
    return undefined;
  }

  deregister({ name, endpoint }: RegisteredPlugin): void {
    const known = this.#drivers.get(name);
    if (known?.endpoint !== endpoint) return;
    this.#drivers.delete(name);
    known.connection.close();
    this.#tell(() => this.#write((drivers) => drivers.filter((each) => each.name !== name))).catch((error: unknown) =>
      this.#deps.logger.warn('a CSI driver that is gone is still told of', { driver: name, error: error as Error }),
    );
  }

  /** Asks how many volumes the node may have by now. What fails is asked the next time. */
  refresh(name: string): void {
    const known = this.#drivers.get(name);
    if (known === undefined) return;
    const update = async (): Promise<void> => {
      const { maxVolumesPerNode } = await this.#ask(name, known.caller, CSI.getInfo, {});
      await this.#write((drivers) =>
        drivers.map((each) => (each.name === name ? { ...withoutAllocatable(each), ...allocatableOf(maxVolumesPerNode) } : each)),
      );
    };
    this.#tell(update).catch((error: unknown) => {
      this.#deps.logger.warn('a CSI driver does not say how many volumes the node may have', { driver: name, error: error as Error });
    });
  }

  #tell(change: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(change);
    this.#writing = done.catch(() => {});
    return done;
  }

  /** The node's labels say where volumes of the driver must lie, so they come first. */
  async #install(name: string, { nodeId, maxVolumesPerNode, accessibleTopology }: NodeInfo): Promise<void> {
    const { client, nodeName } = this.#deps;
    const segments = accessibleTopology?.segments ?? {};
    const { metadata } = await client.get(nodes, { name: nodeName });
    const ids = JSON.parse(metadata.annotations?.[NODE_ID_ANNOTATION] ?? '{}') as Readonly<Record<string, string>>;
    const annotations = { [NODE_ID_ANNOTATION]: JSON.stringify({ ...ids, [name]: nodeId }) };
    await client.patch(nodes, { name: nodeName }, { type: 'merge', body: { metadata: { annotations, labels: segments } } });
    await this.#write((drivers) => [
      ...drivers.filter((each) => each.name !== name),
      {
        name,
        nodeID: nodeId,
        topologyKeys: Object.keys(segments).toSorted(),
        ...allocatableOf(maxVolumesPerNode),
      },
    ]);
  }

  async #write(change: (drivers: readonly CSINodeDriver[]) => readonly CSINodeDriver[]): Promise<void> {
    const { client, nodeName, clock, ids } = this.#deps;
    const name = nodeName;
    try {
      await retryOnConflict(clock, ids, async () => {
        const found = await client.get(csinodes, { name });
        const before = found.spec.drivers ?? [];
        const drivers = change(before);
        if (!deepEqual(drivers, before)) await client.update(csinodes, { ...found, spec: { drivers } });
      });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      const { uid } = (await client.get(nodes, { name })).metadata;
      await client.create(csinodes, {
        metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
        spec: { drivers: change([]) },
      } as New<CSINode>);
    }
  }
}

/** No limit is not told of. */
const allocatableOf = (count: number): Pick<CSINodeDriver, 'allocatable'> => (count > 0 ? { allocatable: { count } } : {});

function withoutAllocatable({ allocatable: _, ...driver }: CSINodeDriver): CSINodeDriver {
  return driver;
}
