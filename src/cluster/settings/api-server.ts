// pure
// Settings of the API server alone, under kube-apiserver's flag names.
import type { Setting } from './settings.ts';
import { boolean, optionalPath } from './value.ts';

export interface ApiServerSettings {
  /** EncryptionConfiguration file; empty: values stand plainly in the store. */
  readonly encryptionProviderConfig: string;
  readonly encryptionProviderConfigAutomaticReload: boolean;
}

const setting = <K extends keyof ApiServerSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const API_SERVER_SETTINGS: readonly Setting[] = [
  setting({
    key: 'encryptionProviderConfig',
    flag: 'encryption-provider-config',
    argument: 'FILE',
    description: 'how values in the store are encrypted (EncryptionConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'encryptionProviderConfigAutomaticReload',
    flag: 'encryption-provider-config-automatic-reload',
    argument: 'BOOL',
    description: 'follow changes of that file',
    fallback: 'false',
    parse: boolean,
  }),
];
