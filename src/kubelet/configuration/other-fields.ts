// pure
// The fields of KubeletConfiguration that this kubelet does not look at: they are read, checked and told at `/configz`.
// Source: kubelet.config.k8s.io/v1beta1 KubeletConfiguration, SetDefaults_KubeletConfiguration at v1.36.
import {
  anything,
  decimal,
  duration,
  type Field,
  type Fields,
  flag,
  integer,
  list,
  map,
  optional,
  pointer,
  struct,
  text,
  texts,
} from './shapes.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const on: Field<boolean> = [pointer(flag), true];
const off: Field<boolean> = [pointer(flag), false];
const switchedOff: Field<boolean> = [flag, false];
const empty: Field<string> = [text, ''];
const none = [optional(anything), undefined] as const;
const count = (fallback: number): Field<number> => [integer, fallback];
const pointerTo = (fallback: number): Field<number> => [pointer(integer), fallback];
const span = (fallback: number): Field<number> => [duration, fallback];

const logOptions = struct({ splitStream: switchedOff, infoBufferSize: [{ ...text, show: (value) => (value === '' ? '0' : value) }, '0'] });

export const OTHER_FIELDS = {
  enableServer: on,
  syncFrequency: span(MINUTE),
  httpCheckFrequency: span(20 * SECOND),
  staticPodURL: empty,
  staticPodURLHeader: [map((member) => member.list((item) => item.text(''))), {}],
  address: [text, '0.0.0.0'],
  port: count(10_250),
  readOnlyPort: count(0),
  tlsCertFile: empty,
  tlsPrivateKeyFile: empty,
  tlsCipherSuites: [texts, []],
  tlsCurvePreferences: [list((item) => item.integer(0)), []],
  tlsMinVersion: empty,
  rotateCertificates: switchedOff,
  serverTLSBootstrap: switchedOff,
  authentication: struct({
    x509: struct({ clientCAFile: empty }),
    webhook: struct({ enabled: on, cacheTTL: span(2 * MINUTE) }),
    anonymous: struct({ enabled: off }),
  }),
  authorization: struct({
    mode: [text, 'Webhook'],
    webhook: struct({ cacheAuthorizedTTL: span(5 * MINUTE), cacheUnauthorizedTTL: span(30 * SECOND) }),
  }),
  registryPullQPS: pointerTo(5),
  registryBurst: count(10),
  eventRecordQPS: pointerTo(50),
  eventBurst: count(100),
  enableDebuggingHandlers: on,
  enableContentionProfiling: switchedOff,
  oomScoreAdj: pointerTo(-999),
  streamingConnectionIdleTimeout: span(4 * 60 * MINUTE),
  volumeStatsAggPeriod: span(MINUTE),
  kubeletCgroups: empty,
  systemCgroups: empty,
  singleProcessOOMKill: [optional(flag), undefined],
  qosReserved: [map((member) => member.text('')), {}],
  runtimeRequestTimeout: span(2 * MINUTE),
  hairpinMode: [text, 'promiscuous-bridge'],
  podCIDR: empty,
  runOnce: switchedOff,
  cpuCFSQuotaPeriod: [pointer(duration), 100],
  maxOpenFiles: count(1_000_000),
  contentType: [text, 'application/vnd.kubernetes.protobuf'],
  kubeAPIQPS: pointerTo(50),
  kubeAPIBurst: count(100),
  mergeDefaultEvictionSettings: off,
  enableControllerAttachDetach: on,
  protectKernelDefaults: switchedOff,
  makeIPTablesUtilChains: on,
  iptablesMasqueradeBit: pointerTo(14),
  iptablesDropBit: pointerTo(15),
  featureGates: [map((member) => member.flag(false)), {}],
  failSwapOn: on,
  memorySwap: struct({ swapBehavior: empty }),
  containerLogMaxWorkers: pointerTo(1),
  configMapAndSecretChangeDetectionStrategy: [text, 'Watch'],
  showHiddenMetricsForVersion: empty,
  systemReservedCgroup: empty,
  kubeReservedCgroup: empty,
  volumePluginDir: [text, '/usr/libexec/kubernetes/kubelet-plugins/volume/exec/'],
  kernelMemcgNotification: switchedOff,
  logging: struct({
    format: [text, 'text'],
    flushFrequency: [{ ...anything, isUnset: (value) => value === 0 || value === '0s' }, '5s'],
    verbosity: [{ ...integer, isUnset: () => false, show: (value) => value }, 0],
    vmodule: [list((item) => item.value), []],
    options: struct({ text: logOptions, json: logOptions }),
  }),
  enableSystemLogHandler: on,
  enableSystemLogQuery: off,
  enableProfilingHandler: on,
  enableDebugFlagsHandler: on,
  memoryThrottlingFactor: [decimal, 0.9],
  memoryReservationPolicy: [text, 'None'],
  tracing: none,
  localStorageCapacityIsolation: on,
  containerRuntimeEndpoint: [text, 'unix:///run/containerd/containerd.sock'],
  imageServiceEndpoint: empty,
  failCgroupV1: off,
  userNamespaces: none,
} as const satisfies Fields;

export type OtherValues = { readonly [K in keyof typeof OTHER_FIELDS]: (typeof OTHER_FIELDS)[K] extends Field<infer T> ? T : unknown };

/** All of them, those of `given` over the defaults. */
export function otherValues(given: Readonly<Record<string, unknown>>): OtherValues {
  const defaults = Object.entries(OTHER_FIELDS).map(([name, [, fallback]]) => [name, fallback]);
  return { ...Object.fromEntries(defaults), ...given } as OtherValues;
}
