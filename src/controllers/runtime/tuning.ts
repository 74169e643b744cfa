// pure
// What flags of upstream's controller manager set, and its defaults. Source: cmd/kube-controller-manager app/options,
// pkg/controller/*/config/v1alpha1 defaults.go.

/** Times in milliseconds. */
export interface NodeTuning {
  /** Silence after which nobody knows how a node is; the second while its kubelet has not said anything. */
  readonly monitorGraceMs: number;
  readonly startupGraceMs: number;
  /** Nodes a second whose pods are driven off; the second in a zone where many are in trouble. */
  readonly evictionRate: number;
  readonly secondaryEvictionRate: number;
  /** Zones of at most so many nodes lose none while many are in trouble. */
  readonly largeZone: number;
  /** Share of a zone's nodes in trouble that is many. */
  readonly unhealthyShare: number;
}

/** Times in milliseconds. */
export interface AutoscalingTuning {
  readonly syncMs: number;
  /** For how long the highest of what was wanted counts before pods are taken away. */
  readonly downscaleStabilizationMs: number;
  /** How far from 1 the ratio of what is used to what is wanted may be before anything is done. */
  readonly tolerance: number;
  /** After its start a pod's CPU use counts only while it is ready. */
  readonly cpuInitializationMs: number;
  /** A pod that became unready within this time of its start was never ready. */
  readonly initialReadinessMs: number;
}

export interface Tuning {
  readonly nodes: NodeTuning;
  readonly autoscaling: AutoscalingTuning;
  /** Pods that have ended and are kept, for people to look at. */
  readonly terminatedPods: number;
  /** Milliseconds between counts of a quota. */
  readonly quotaSyncMs: number;
  readonly endpointsPerSlice: number;
  /** Longest life of a certificate that is signed here, milliseconds. */
  readonly signingMs: number;
  /** Keys at a time, by the name of the controller; where it has none, its own number. */
  readonly workers: Readonly<Record<string, number>>;
}

const HOUR_MS = 60 * 60 * 1000;

export const DEFAULT_TUNING: Tuning = {
  nodes: {
    monitorGraceMs: 50_000,
    startupGraceMs: 60_000,
    evictionRate: 0.1,
    secondaryEvictionRate: 0.01,
    largeZone: 50,
    unhealthyShare: 0.55,
  },
  autoscaling: {
    syncMs: 15_000,
    downscaleStabilizationMs: 5 * 60_000,
    tolerance: 0.1,
    cpuInitializationMs: 5 * 60_000,
    initialReadinessMs: 30_000,
  },
  terminatedPods: 12_500,
  quotaSyncMs: 5 * 60_000,
  endpointsPerSlice: 100,
  signingMs: 365 * 24 * HOUR_MS,
  workers: {},
};
