// Publishes what aggregated servers need to trust this one's front proxy and its users' certificates.
// Source: pkg/controlplane/controller/clusterauthenticationtrust.
import { configmaps, namespaces } from '#api/resources.ts';
import type { ConfigMap } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers } from '#client/workqueue/workers.ts';
import type { CacheReader } from '../cache/reader.ts';

const NAMESPACE = 'kube-system';
const NAME = 'extension-apiserver-authentication';

/** PEM texts. */
export interface AuthenticationTrust {
  /** Empty: no client certificate is trusted. */
  readonly clientCa: string;
  /** Absent: no proxy is trusted. */
  readonly frontProxy?: { readonly ca: string; readonly allowedNames: readonly string[] };
}

export interface AuthenticationConfigDeps {
  readonly trust: AuthenticationTrust;
  readonly client: Client;
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Pure: the map's data with what this server trusts; authorities that another server wrote stay. */
export function publishedData(
  { clientCa, frontProxy }: AuthenticationTrust,
  present: ConfigMap['data'] = {},
): Readonly<Record<string, string>> {
  const list = (key: string, own: readonly string[]): string => JSON.stringify([...new Set([...own, ...parsedList(present[key])])]);
  return {
    ...present,
    ...(clientCa === '' ? {} : { 'client-ca-file': withAuthorities(clientCa, present['client-ca-file']) }),
    ...(frontProxy === undefined
      ? {}
      : {
          'requestheader-allowed-names': list('requestheader-allowed-names', frontProxy.allowedNames),
          'requestheader-client-ca-file': withAuthorities(frontProxy.ca, present['requestheader-client-ca-file']),
          'requestheader-extra-headers-prefix': list('requestheader-extra-headers-prefix', ['X-Remote-Extra-']),
          'requestheader-group-headers': list('requestheader-group-headers', ['X-Remote-Group']),
          'requestheader-uid-headers': list('requestheader-uid-headers', ['X-Remote-Uid']),
          'requestheader-username-headers': list('requestheader-username-headers', ['X-Remote-User']),
        }),
  };
}

function parsedList(text = '[]'): readonly string[] {
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  } catch (error) {
    if (error instanceof SyntaxError) return []; // somebody's nonsense is replaced
    throw error;
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function withAuthorities(own: string, present = ''): string {
  const all = new Set([...(own.match(CERTIFICATE) ?? []), ...(present.match(CERTIFICATE) ?? [])]);
  return [...all].map((one) => `${one}\n`).join('');
}

/** Runs until the signal aborts: written at the start, and again when somebody takes something away. */
export async function runAuthenticationConfig(deps: AuthenticationConfigDeps): Promise<void> {
  const { trust, client, reader, clock, logger, signal } = deps;
  const queue = new WorkQueue<'map'>({ clock });
  const removers = [
    reader.onChange(configmaps, ({ object, previous }) => {
      const metadata = (object ?? previous)?.metadata;
      if (metadata?.namespace === NAMESPACE && metadata.name === NAME) queue.add('map');
    }),
    reader.onChange(namespaces, ({ object }) => {
      if (object?.metadata.name === NAMESPACE) queue.add('map');
    }),
  ];
  queue.add('map');
  const reconcile = async (): Promise<void> => {
    if (reader.get(namespaces, NAMESPACE) === undefined) return; // its event follows
    const present = reader.get(configmaps, NAME, NAMESPACE);
    const data = publishedData(trust, present?.data);
    if (present !== undefined && deepEqual(present.data, data)) return;
    try {
      if (present === undefined) await client.create(configmaps, { metadata: { name: NAME, namespace: NAMESPACE }, data });
      else await client.update(configmaps, { ...present, data });
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  };
  await runWorkers(queue, { workers: 1, reconcile, clock, logger, signal });
  for (const remove of removers) remove();
}
