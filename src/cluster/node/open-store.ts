// Which engine keeps the cluster's objects.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Store } from '#store/contract.ts';
import type { Paths } from '../instance/paths.ts';
import { settingFile } from '../settings/setting-file.ts';
import type { Settings } from '../settings/settings.ts';

export interface StorePlace {
  readonly settings: Pick<Settings, 'store' | 'storeCAFile' | 'storeCertFile' | 'storeKeyFile'>;
  readonly paths: Pick<Paths, 'store'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** @throws StoreLockedError, StoreCorruptError, StoreUnavailableError; SettingsError for a TLS file that cannot be read */
export async function openStore({ settings, paths, clock, ids, logger }: StorePlace): Promise<Store> {
  const own = logger.with({ component: 'store' });
  if (settings.store === 'embedded') {
    const { openEmbeddedStore } = await import('#store/embedded/store.ts');
    return openEmbeddedStore({ dir: paths.store, clock, ids, logger: own });
  }
  const { openEtcdStore } = await import('#store/etcd/store.ts');
  const { endpoints, secure } = etcdEndpoints(settings.store);
  const file = (key: 'storeCAFile' | 'storeCertFile' | 'storeKeyFile'): string | undefined =>
    settings[key] === '' ? undefined : settingFile(key, settings[key], (text) => text);
  const [ca, certificate, key] = [file('storeCAFile'), file('storeCertFile'), file('storeKeyFile')];
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
  return openEtcdStore({ endpoints, ...(secure || Object.keys(tls).length > 0 ? { tls } : {}), clock, ids, logger: own });
}

/** `etcd://a:2379,b:2379`; `etcds` is by TLS. */
function etcdEndpoints(store: string): { readonly endpoints: readonly string[]; readonly secure: boolean } {
  const [scheme = '', members = ''] = store.split('://');
  return { endpoints: members.split(','), secure: scheme === 'etcds' };
}
