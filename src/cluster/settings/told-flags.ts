// pure
// What an API server was started with, as `/flagz` tells it: kube-apiserver's flags and the values in use.
import { formatDuration } from '#apimachinery/duration.ts';
import { API_SERVER_SETTINGS } from './api-server.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** Flags of kube-apiserver whose settings go by other names here. */
const FLAG_OF: Partial<Readonly<Record<keyof Settings, string>>> = {
  port: 'secure-port',
  bindAddress: 'bind-address',
  serviceCIDR: 'service-cluster-ip-range',
  nodePortRange: 'service-node-port-range',
  storeCAFile: 'etcd-cafile',
  storeCertFile: 'etcd-certfile',
  storeKeyFile: 'etcd-keyfile',
};

/** By flag name without dashes. Files are named, never read: there is no secret among them. */
export function apiServerFlags(settings: Settings): Readonly<Record<string, string>> {
  const own = new Set(API_SERVER_SETTINGS.map(({ key }) => key));
  return Object.fromEntries(
    SETTINGS.flatMap(({ key, flag, argument }) => {
      const name = own.has(key) ? flag : FLAG_OF[key];
      return name === undefined ? [] : [[name, textOf(settings[key], argument)] as const];
    }),
  );
}

function textOf(value: Settings[keyof Settings], argument: string): string {
  return argument === 'DURATION' && typeof value === 'number' ? formatDuration(value) : String(value);
}
