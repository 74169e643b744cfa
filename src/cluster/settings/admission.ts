// pure
// Settings of admission, under kube-apiserver's flag names.
import { ADMISSION_PLUGINS, type AdmissionPluginName, isAdmissionPlugin } from '#apiserver/admission/plugin-names.ts';
import type { Setting } from './settings.ts';
import { bad, boolean, ok, optionalPath, type Parsed } from './value.ts';

export interface AdmissionFlags {
  readonly enableAdmissionPlugins: readonly AdmissionPluginName[];
  readonly disableAdmissionPlugins: readonly AdmissionPluginName[];
  /** AdmissionConfiguration file; empty: none. */
  readonly admissionControlConfigFile: string;
  readonly allowPrivileged: boolean;
}

/** Source: AdmissionOptions.Validate. */
function plugins(text: string): Parsed<readonly AdmissionPluginName[]> {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !isAdmissionPlugin(name));
  return unknown === undefined
    ? ok(names.filter(isAdmissionPlugin))
    : bad(`has a plugin ${JSON.stringify(unknown)} that is unknown; known are ${ADMISSION_PLUGINS.join(', ')}`);
}

const setting = <K extends keyof AdmissionFlags>(row: Setting<K>): Setting => row as unknown as Setting;

export const ADMISSION_SETTINGS: readonly Setting[] = [
  setting({
    key: 'enableAdmissionPlugins',
    flag: 'enable-admission-plugins',
    argument: 'NAMES',
    description: 'admission plugins to run beside those that run by default, by comma: EventRateLimit',
    fallback: '',
    parse: plugins,
  }),
  setting({
    key: 'disableAdmissionPlugins',
    flag: 'disable-admission-plugins',
    argument: 'NAMES',
    description: 'admission plugins not to run, by comma',
    fallback: '',
    parse: plugins,
  }),
  setting({
    key: 'admissionControlConfigFile',
    flag: 'admission-control-config-file',
    argument: 'FILE',
    description: 'what PodSecurity and EventRateLimit are configured with (AdmissionConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'allowPrivileged',
    flag: 'allow-privileged',
    argument: 'BOOL',
    description: 'let pods ask for privileged containers; a namespace forbids them by its level of PodSecurity',
    fallback: 'true',
    parse: boolean,
  }),
];

/** Source: AdmissionOptions.Validate. */
export function admissionContradictions({ enableAdmissionPlugins: on, disableAdmissionPlugins: off }: AdmissionFlags): readonly string[] {
  const both = on.filter((name) => off.includes(name));
  return both.length === 0 ? [] : [`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`];
}
