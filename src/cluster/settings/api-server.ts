// pure
// Settings of the API server alone, under kube-apiserver's flag names.
import type { Setting } from './settings.ts';
import { boolean, optionalPath, wholeNumber } from './value.ts';

export interface ApiServerSettings {
  /** EncryptionConfiguration file; empty: values stand plainly in the store. */
  readonly encryptionProviderConfig: string;
  readonly encryptionProviderConfigAutomaticReload: boolean;
  /** False: requests under way are only counted. */
  readonly enablePriorityAndFairness: boolean;
  /** Reads and writes under way; together the seats of priority and fairness. */
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
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
  setting({
    key: 'enablePriorityAndFairness',
    flag: 'enable-priority-and-fairness',
    argument: 'BOOL',
    description: 'share seats fairly among flows of requests',
    fallback: 'true',
    parse: boolean,
  }),
  setting({
    key: 'maxRequestsInflight',
    flag: 'max-requests-inflight',
    argument: 'COUNT',
    description: 'reads under way at most',
    fallback: '400',
    parse: wholeNumber(1),
  }),
  setting({
    key: 'maxMutatingRequestsInflight',
    flag: 'max-mutating-requests-inflight',
    argument: 'COUNT',
    description: 'writes under way at most',
    fallback: '200',
    parse: wholeNumber(1),
  }),
];
