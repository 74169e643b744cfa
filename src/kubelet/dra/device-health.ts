// What drivers say about the health of their devices, for as long as they say it. Source: pkg/kubelet/cm/dra healthinfo.go,
// HandleWatchResourcesStream; k8s.io/kubelet/pkg/apis/dra-health/v1alpha1 api.proto.
import { type CancelTimer, type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { compileCodec } from '#base/protobuf/codec.ts';
import { optionalField as one, repeatedField as list } from '#base/protobuf/fields.ts';
import type { ProtoSchema } from '#base/protobuf/schema.ts';
import { callStream, type Caller, type Method } from '#cri/call.ts';
import { pluginCall } from '../plugins/plugin-api.ts';

/** What a driver says it supports when it tells of health. */
export const HEALTH_SERVICE = 'v1alpha1.DRAResourceHealth';

const HEALTH_SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    WatchRequest: { fields: {} },
    WatchResponse: { fields: { devices: list(1, 'DeviceHealth') } },
    DeviceHealth: {
      fields: {
        device: one(1, 'DeviceIdentifier'),
        health: one(2, 'HealthStatus'),
        last_updated_time: one(3, 'int64'),
        health_check_timeout_seconds: one(4, 'int64'),
        message: one(5, 'string'),
      },
    },
    DeviceIdentifier: { fields: { pool_name: one(1, 'string'), device_name: one(2, 'string') } },
  },
  enums: { HealthStatus: { UNKNOWN: 0, HEALTHY: 1, UNHEALTHY: 2 } },
};

export const healthCodec = compileCodec(HEALTH_SCHEMA, { names: 'camel', defaults: 'fill' });
const watchResources: Method = pluginCall(healthCodec, `/${HEALTH_SERVICE}/NodeWatchResources`, 'WatchRequest', 'WatchResponse');

/** Milliseconds that what a driver said holds when it does not say how long. Source: DefaultHealthTimeout. */
const HOLDS_MS = 30_000;
/** Before a stream that ended is asked for again. Milliseconds. */
const AGAIN_MS = 5_000;
/** Source: ResourceHealthMessageMaxLength. */
const MESSAGE_LENGTH = 1_024;

export interface Health {
  readonly health: 'Healthy' | 'Unhealthy' | 'Unknown';
  readonly message?: string;
}

interface Told extends Health {
  readonly forget: CancelTimer;
}

interface DeviceHealthMessage {
  readonly device?: { readonly poolName: string; readonly deviceName: string };
  readonly health: 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY';
  readonly healthCheckTimeoutSeconds: number;
  readonly message: string;
}

const WORDS = { UNKNOWN: 'Unknown', HEALTHY: 'Healthy', UNHEALTHY: 'Unhealthy' } as const;
const UNKNOWN: Health = { health: 'Unknown' };

export class DeviceHealth {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #told = new Map<string, Told>();
  /** Called with the driver whose devices are better or worse than before. */
  onChange: (driver: string) => void = () => {};

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** `id`: `driver/pool/device`. */
  get(id: string): Health {
    const { health, message } = this.#told.get(id) ?? UNKNOWN;
    return { health, ...(message === undefined ? {} : { message }) };
  }

  /** Listens to the driver until the signal. */
  async follow(driver: string, caller: Caller, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const news = callStream(caller, watchResources, {}, { timeoutMs: Infinity, signal });
        for await (const { devices } of news as AsyncIterable<{ readonly devices: readonly DeviceHealthMessage[] }>)
          this.#note(driver, devices);
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug('a driver tells no more of the health of its devices', { driver, error: error as Error, retryMs: AGAIN_MS });
      }
      await wait(this.#clock, AGAIN_MS, signal).catch(() => {});
    }
  }

  stop(): void {
    for (const { forget } of this.#told.values()) forget();
  }

  #note(driver: string, devices: readonly DeviceHealthMessage[]): void {
    let changed = false;
    for (const { device, health, healthCheckTimeoutSeconds: seconds, message } of devices) {
      if (device === undefined) continue;
      const id = `${driver}/${device.poolName}/${device.deviceName}`;
      const before = this.#told.get(id);
      before?.forget();
      const forget = this.#clock.after(seconds > 0 ? seconds * 1_000 : HOLDS_MS, () => {
        this.#told.delete(id);
        this.onChange(driver);
      });
      const told = { health: WORDS[health] ?? 'Unknown', forget, ...(message === '' ? {} : { message: shortened(message) }) };
      this.#told.set(id, told);
      changed ||= before?.health !== told.health || before.message !== told.message;
    }
    if (changed) this.onChange(driver);
  }
}

const shortened = (text: string): string => (text.length <= MESSAGE_LENGTH ? text : `${text.slice(0, MESSAGE_LENGTH - 3)}...`);
