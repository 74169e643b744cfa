// Checks of the baseline level: no known way out of the container. Pure.
// Source: pod-security-admission policy check_*.go with level baseline.
import type { LifecycleHandler, PodSpec, Probe, SELinuxOptions } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import {
  containerList,
  containersOf,
  inUserNamespace,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
  type Check,
  type CheckPod,
  type Finding,
} from './check.ts';
import { seccompAnnotations, seccompBaseline } from './seccomp.ts';

const found = (reason: string, detail: string): Finding => ({ reason, detail });

const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const ALLOWED_APP_ARMOR: ReadonlySet<string> = new Set(['RuntimeDefault', 'Localhost']);

const appArmorProfile: CheckPod = (spec, { annotations = {} }) => {
  const isBad = (type: string | undefined): boolean => type !== undefined && !ALLOWED_APP_ARMOR.has(type);
  const pod = spec.securityContext?.appArmorProfile?.type;
  const profileOf = (container: {
    readonly securityContext?: { readonly appArmorProfile?: { readonly type: string } };
  }): string | undefined => container.securityContext?.appArmorProfile?.type;
  const containers = namesWhere(spec, (container) => isBad(profileOf(container)));
  const values = sorted([
    ...(isBad(pod) ? [pod as string] : []),
    ...containersOf(spec).flatMap((container) => (isBad(profileOf(container)) ? [profileOf(container) as string] : [])),
  ]);
  const bad = Object.entries(annotations).filter(
    ([key, value]) =>
      key.startsWith(APP_ARMOR_ANNOTATION) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'),
  );
  const shown = [...values, ...bad.map(([key, value]) => `${key}=${goQuote(value)}`).toSorted()];
  if (shown.length === 0) return undefined;
  const who = [setters(isBad(pod), containers), ...(bad.length === 0 ? [] : [plural('annotation', 'annotations', bad.length)])]
    .filter((one) => one !== '')
    .join(' and ');
  return found(
    plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', shown.length),
    `${who} must not set AppArmor profile type to ${quoted(shown)}`,
  );
};

const DEFAULT_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const capabilities: CheckPod = (spec) => {
  const added = (container: {
    readonly securityContext?: { readonly capabilities?: { readonly add?: readonly string[] } };
  }): readonly string[] =>
    (container.securityContext?.capabilities?.add ?? []).filter((capability) => !DEFAULT_CAPABILITIES.has(capability));
  const bad = namesWhere(spec, (container) => added(container).length > 0);
  if (bad.length === 0) return undefined;
  const all = sorted(containersOf(spec).flatMap(added));
  return found('non-default capabilities', `${containerList(bad)} must not include ${quoted(all)} in securityContext.capabilities.add`);
};

const hostNamespaces: CheckPod = (spec) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  return shared.length === 0 ? undefined : found('host namespaces', shared.map((field) => `${field}=true`).join(', '));
};

const hostPathVolumes: CheckPod = ({ volumes = [] }) => {
  const names = volumes.filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return names.length === 0 ? undefined : found('hostPath volumes', `${plural('volume', 'volumes', names.length)} ${quoted(names)}`);
};

const hostPorts: CheckPod = (spec) => {
  const portsOf = (container: { readonly ports?: readonly { readonly hostPort?: number }[] }): readonly string[] =>
    (container.ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
  const bad = namesWhere(spec, (container) => portsOf(container).length > 0);
  if (bad.length === 0) return undefined;
  const ports = sorted(containersOf(spec).flatMap(portsOf));
  const uses = plural('uses', 'use', bad.length);
  return found('hostPort', `${containerList(bad)} ${uses} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`);
};

const hostProbes: CheckPod = (spec) => {
  const hostsOf = (handler: Probe | LifecycleHandler | undefined): readonly string[] =>
    [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => host !== undefined && host !== '');
  const all = containersOf(spec).map((container) => ({
    name: container.name,
    hosts: [
      container.livenessProbe,
      container.readinessProbe,
      container.startupProbe,
      container.lifecycle?.postStart,
      container.lifecycle?.preStop,
    ].flatMap(hostsOf),
  }));
  const bad = sorted(all.filter(({ hosts }) => hosts.length > 0).map(({ name }) => name));
  if (bad.length === 0) return undefined;
  const hosts = sorted(all.flatMap((one) => one.hosts));
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length);
  return found('probe or lifecycle host', `${containerList(bad)} ${plural('uses', 'use', bad.length)} ${what} ${quoted(hosts)}`);
};

const privileged: CheckPod = (spec) => {
  const bad = namesWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
  return bad.length === 0 ? undefined : found('privileged', `${containerList(bad)} must not set securityContext.privileged=true`);
};

/** Also what the restricted level holds on to. */
export const procMount: CheckPod = (spec) => {
  const isBad = (type: string | undefined): boolean => type !== undefined && type !== 'Default';
  const bad = namesWhere(spec, ({ securityContext }) => isBad(securityContext?.procMount));
  if (bad.length === 0) return undefined;
  const types = sorted(
    containersOf(spec).flatMap(({ securityContext }) => (isBad(securityContext?.procMount) ? [String(securityContext?.procMount)] : [])),
  );
  return found('procMount', `${containerList(bad)} must not set securityContext.procMount to ${quoted(types)}`);
};

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

const seLinuxOptions =
  (types: readonly string[]): CheckPod =>
  (spec) => {
    const isBad = ({ type = '', user = '', role = '' }: SELinuxOptions): boolean => !types.includes(type) || user !== '' || role !== '';
    const pod = spec.securityContext?.seLinuxOptions;
    const badPod = pod !== undefined && isBad(pod);
    const isBadContainer = ({ securityContext }: { readonly securityContext?: { readonly seLinuxOptions?: SELinuxOptions } }): boolean =>
      securityContext?.seLinuxOptions !== undefined && isBad(securityContext.seLinuxOptions);
    const containers = namesWhere(spec, isBadContainer);
    if (!badPod && containers.length === 0) return undefined;
    const options = [
      ...(badPod ? [pod] : []),
      ...containersOf(spec).flatMap((container) =>
        isBadContainer(container) ? [container.securityContext?.seLinuxOptions as SELinuxOptions] : [],
      ),
    ];
    const badTypes = sorted(options.map(({ type = '' }) => type).filter((type) => !types.includes(type)));
    const data = [
      ...(badTypes.length === 0 ? [] : [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`]),
      ...(options.some(({ user = '' }) => user !== '') ? ['user may not be set'] : []),
      ...(options.some(({ role = '' }) => role !== '') ? ['role may not be set'] : []),
    ];
    return found('seLinuxOptions', `${setters(badPod, containers)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`);
  };

const SYSCTLS_1_0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const SYSCTLS_1_27 = [...SYSCTLS_1_0, 'net.ipv4.ip_local_reserved_ports'];
const SYSCTLS_1_29 = [
  ...SYSCTLS_1_27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const SYSCTLS_1_32 = [...SYSCTLS_1_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

const sysctls =
  (allowed: readonly string[]): CheckPod =>
  ({ securityContext }) => {
    const bad = (securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
    return bad.length === 0 ? undefined : found('forbidden sysctls', bad.join(', '));
  };

const windowsHostProcess: CheckPod = (spec) => {
  const pod = spec.securityContext?.windowsOptions?.hostProcess === true;
  const containers = namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  if (!pod && containers.length === 0) return undefined;
  return found('hostProcess', `${setters(pod, containers)} must not set securityContext.windowsOptions.hostProcess=true`);
};

const outsideUserNamespaces =
  (check: CheckPod): CheckPod =>
  (spec: PodSpec, metadata) =>
    inUserNamespace(spec) ? undefined : check(spec, metadata);

export const BASELINE_CHECKS: readonly Check[] = [
  { id: 'appArmorProfile', versions: [{ since: 0, check: appArmorProfile }] },
  { id: 'capabilities_baseline', versions: [{ since: 0, check: capabilities }] },
  { id: 'hostNamespaces', versions: [{ since: 0, check: hostNamespaces }] },
  { id: 'hostPathVolumes', versions: [{ since: 0, check: hostPathVolumes }] },
  { id: 'hostPorts', versions: [{ since: 0, check: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', versions: [{ since: 34, check: hostProbes }] },
  { id: 'privileged', versions: [{ since: 0, check: privileged }] },
  {
    id: 'procMount',
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: outsideUserNamespaces(procMount) },
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      { since: 0, check: seLinuxOptions(SELINUX_TYPES) },
      { since: 31, check: seLinuxOptions([...SELINUX_TYPES, 'container_engine_t']) },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccompBaseline },
    ],
  },
  {
    id: 'sysctls',
    versions: [
      { since: 0, check: sysctls(SYSCTLS_1_0) },
      { since: 27, check: sysctls(SYSCTLS_1_27) },
      { since: 29, check: sysctls(SYSCTLS_1_29) },
      { since: 32, check: sysctls(SYSCTLS_1_32) },
    ],
  },
  { id: 'windowsHostProcess', versions: [{ since: 0, check: windowsHostProcess }] },
];
