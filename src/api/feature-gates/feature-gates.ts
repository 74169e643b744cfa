// pure
// `--feature-gates` of every component: reading, and the gates that are heeded. Source: component-base featuregate feature_gate.go.
import { GaugeFamily } from '#base/metrics.ts';
import { FEATURE_GATES, NEEDED_GATES, type Stage } from './feature-gate-table.ts';

/** What the flag says cannot be done; the message is upstream's. */
export class FeatureGateError extends Error {
  override readonly name = 'FeatureGateError';
}

/**
 * The gates that are heeded, and the resources that are served only while one is on, in every version.
 * Source: pkg/registry/*\/rest storage providers.
 */
const HEEDED: Readonly<Record<string, readonly string[]>> = {
  APIServerIdentity: [],
  ClusterTrustBundleProjection: [],
  ContainerStopSignals: [],
  ClusterTrustBundle: ['clustertrustbundles.certificates.k8s.io'],
  DRADeviceTaintRules: ['devicetaintrules.resource.k8s.io'],
  DRADeviceTaints: [],
  DRAResourcePoolStatus: ['resourcepoolstatusrequests.resource.k8s.io'],
  GenericWorkload: ['podgroups.scheduling.k8s.io', 'workloads.scheduling.k8s.io'],
  MaxUnavailableStatefulSet: [],
  MutatingAdmissionPolicy: [
    'mutatingadmissionpolicies.admissionregistration.k8s.io',
    'mutatingadmissionpolicybindings.admissionregistration.k8s.io',
  ],
  PodLogsQuerySplitStreams: [],
  PodCertificateRequest: ['podcertificaterequests.certificates.k8s.io'],
  StorageVersionAPI: [],
  StorageVersionMigrator: ['storageversionmigrations.storagemigration.k8s.io'],
};

/** Source: featuregate prerelease. */
const STAGE_LABELS: Readonly<Record<Stage, string>> = { Alpha: 'ALPHA', Beta: 'BETA', GA: '', Deprecated: 'DEPRECATED' };

const ALL: Readonly<Record<string, Stage>> = { AllAlpha: 'Alpha', AllBeta: 'Beta' };

/** As Go reads them. Source: strconv.ParseBool. */
const BOOLEANS: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true]),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false]),
]);

export class FeatureGates {
  readonly #on = new Map<string, boolean>();
  /** Set, known, and without effect here. */
  readonly unheeded: readonly string[];
  /** What upstream warns of: gates that are set though they will be removed. */
  readonly warnings: readonly { readonly text: string; readonly featureGate: string; readonly value: boolean }[];

  /** @param text `ClusterTrustBundle=true,AllAlpha=false`. @throws FeatureGateError */
  constructor(text: string) {
    const given = read(text);
    const unknown = [...given.keys()].find((name) => !FEATURE_GATES.has(name));
    if (unknown !== undefined) throw new FeatureGateError(`unrecognized feature gate: ${unknown}`);
    refuse(
      [...given].flatMap(([name, value]) => {
        const gate = FEATURE_GATES.get(name);
        if (gate?.locked !== true || gate.default === value) return [];
        return [`cannot set feature gate ${name} to ${value}, feature is locked to ${gate.default}`];
      }),
    );
    for (const [name, { stage, default: fallback, locked }] of FEATURE_GATES) {
      const all = locked === true ? undefined : Object.keys(ALL).find((one) => ALL[one] === stage);
      this.#on.set(name, given.get(name) ?? (all === undefined || all === name ? undefined : given.get(all)) ?? fallback);
    }
    this.unheeded = [...given.keys()].filter((name) => !Object.hasOwn(HEEDED, name) && !Object.hasOwn(ALL, name));
    this.warnings = [...given].flatMap(([featureGate, value]) => {
      const stage = FEATURE_GATES.get(featureGate)?.stage;
      if (stage !== 'GA' && stage !== 'Deprecated') return [];
      const text = `Warning: setting ${stage === 'GA' ? stage : 'deprecated'} feature gate. It will be removed in a future release.`;
      return [{ text, featureGate, value }];
    });
    refuse(
      Object.entries(NEEDED_GATES).flatMap(([name, needs]) => {
        const off = this.isOn(name) ? needs.filter((need) => !this.isOn(need)) : [];
        return off.length === 0 ? [] : [`${name} is enabled, but depends on features that are disabled: [${off.join(' ')}]`];
      }),
    );
  }

  /** Figures for /metrics. Source: featuregate AddMetrics. */
  expose(): string {
    const help = '[BETA] Whether a feature gate is on, by its stage.';
    const family = new GaugeFamily('kubernetes_feature_enabled', help, ['name', 'stage']);
    for (const [name, { stage }] of FEATURE_GATES) family.of(name, STAGE_LABELS[stage]).set(this.isOn(name) ? 1 : 0);
    return family.expose();
  }

  /** @throws RangeError for what is no feature gate */
  isOn(name: string): boolean {
    const on = this.#on.get(name);
    if (on === undefined) throw new RangeError(`${name} is no feature gate`);
    return on;
  }

  /** The gate that keeps a resource from being served; undefined when none does. @param name `podgroups.scheduling.k8s.io` */
  closedFor(name: string): string | undefined {
    return Object.keys(HEEDED).find((gate) => HEEDED[gate]?.includes(name) === true && !this.isOn(gate));
  }
}

/** All that is wrong in one error. Source: utilerrors.NewAggregate. @throws FeatureGateError */
function refuse(wrong: readonly string[]): void {
  const [first] = wrong;
  if (first !== undefined) throw new FeatureGateError(wrong.length === 1 ? first : `[${wrong.join(', ')}]`);
}

/** Source: featureGate.Set. @throws FeatureGateError */
function read(text: string): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  for (const one of text.split(',').filter((part) => part !== '')) {
    const [name = '', ...rest] = one.split('=').map((part) => part.trim());
    if (rest.length === 0) throw new FeatureGateError(`missing bool value for ${name}`);
    const value = rest.join('=');
    const boolean = Object.hasOwn(BOOLEANS, value) ? BOOLEANS[value] : undefined;
    if (boolean === undefined)
      throw new FeatureGateError(
        `invalid value of ${name}=${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    found.set(name, boolean);
  }
  return found;
}
