// What CSI volumes ask of drivers and of the API, with the errors that pods are told.
import { isStatusError } from '#apimachinery/errors.ts';
import { csidrivers, secrets } from '#api/resources.ts';
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { Client } from '#client/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { PluginCall } from '../plugins/plugin-api.ts';
import { VolumeError } from '../volumes/plugin.ts';
import type { CsiDrivers } from './csi-drivers.ts';

export type Words = Readonly<Record<string, string>>;

interface Reference {
  readonly name?: string;
  readonly namespace?: string;
}

export class DriverCalls {
  readonly #client: Client;
  readonly #drivers: Pick<CsiDrivers, 'ask' | 'capabilities'>;

  constructor(client: Client, drivers: Pick<CsiDrivers, 'ask' | 'capabilities'>) {
    this.#client = client;
    this.#drivers = drivers;
  }

  /** @throws VolumeError; its cause is the driver's own */
  async ask<Request, Response>(driver: string, call: PluginCall<Request, Response>, request: Request): Promise<Response> {
    return this.#answer(driver, this.#drivers.ask(driver, call, request));
  }

  /** Optional calls that the driver knows. @throws VolumeError */
  async capabilities(driver: string): Promise<ReadonlySet<string>> {
    return this.#answer(driver, this.#drivers.capabilities(driver));
  }

  /** Undefined: it has none. @throws StatusError, ConnectionError */
  async object(name: string): Promise<CSIDriver | undefined> {
    try {
      return await this.#client.get(csidrivers, { name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Empty where none is named. @throws StatusError, ConnectionError */
  async secret(reference: Reference | undefined, fallbackNamespace = ''): Promise<Words> {
    const { name = '', namespace = fallbackNamespace } = reference ?? {};
    if (name === '') return {};
    const { data = {} } = await this.#client.get(secrets, { name, namespace });
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  }

  async #answer<T>(driver: string, answer: Promise<T> | undefined): Promise<T> {
    if (answer === undefined) throw new VolumeError(`driver name ${driver} not found in the list of registered CSI drivers`);
    try {
      return await answer;
    } catch (error) {
      if (error instanceof CriError) throw new VolumeError(error.message, { cause: error });
      throw error;
    }
  }
}
