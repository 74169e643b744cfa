// pure
// `--feature-gates`: reading, and the gates this server heeds. Source: component-base featuregate feature_gate.go.
import { GaugeFamily } from '#base/metrics.ts';
import { KNOWN_FEATURE_GATES, LOCKED_FEATURE_GATES } from './known-feature-gates.ts';
import { LIBRARY_GATES, type LibraryGate, type Stage } from './library-feature-gates.ts';

/** What the flag says cannot be done; the message is upstream's. */
export class FeatureGateError extends Error {
  override readonly name = 'FeatureGateError';
}

export interface FeatureGate {
  readonly stage: 'Alpha' | 'Beta' | 'GA';
  readonly default: boolean;
  /** Resources that are served only while it is on, `clustertrustbundles.certificates.k8s.io`, in every version. */
  readonly resources: readonly string[];
  /** Gates without which it cannot be on. */
  readonly needs?: readonly string[];
}

/** Source: pkg/features/kube_features.go, pkg/registry/*\/rest storage providers. */
const HEEDED: Readonly<Record<string, FeatureGate>> = {
  APIServerIdentity: { stage: 'Beta', default: true, resources: [] },
  ClusterTrustBundle: { stage: 'Beta', default: false, resources: ['clustertrustbundles.certificates.k8s.io'] },
  DRADeviceTaintRules: { stage: 'Beta', default: false, resources: ['devicetaintrules.resource.k8s.io'] },
  DRAResourcePoolStatus: { stage: 'Alpha', default: false, resources: ['resourcepoolstatusrequests.resource.k8s.io'] },
  GenericWorkload: { stage: 'Alpha', default: false, resources: ['podgroups.scheduling.k8s.io', 'workloads.scheduling.k8s.io'] },
  MutatingAdmissionPolicy: {
    stage: 'GA',
    default: true,
    resources: ['mutatingadmissionpolicies.admissionregistration.k8s.io', 'mutatingadmissionpolicybindings.admissionregistration.k8s.io'],
  },
  PodCertificateRequest: { stage: 'Beta', default: false, resources: ['podcertificaterequests.certificates.k8s.io'] },
  StorageVersionAPI: { stage: 'Alpha', default: false, resources: [], needs: ['APIServerIdentity'] },
  StorageVersionMigrator: { stage: 'Beta', default: false, resources: ['storageversionmigrations.storagemigration.k8s.io'] },
};

/** Every gate of which more is known than its name. */
const GATES: ReadonlyMap<string, LibraryGate> = new Map([...LIBRARY_GATES, ...Object.entries(HEEDED)]);

/** Source: featuregate prerelease. */
const STAGE_LABELS: Readonly<Record<Stage, string>> = { Alpha: 'ALPHA', Beta: 'BETA', GA: '', Deprecated: 'DEPRECATED' };

const ALL: Readonly<Record<string, FeatureGate['stage']>> = { AllAlpha: 'Alpha', AllBeta: 'Beta' };

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
    const unknown = [...given.keys()].find((name) => !KNOWN_FEATURE_GATES.has(name));
    if (unknown !== undefined) throw new FeatureGateError(`unrecognized feature gate: ${unknown}`);
    for (const [name, value] of given) {
      const locked = LOCKED_FEATURE_GATES.get(name);
      if (locked !== undefined && locked !== value)
        throw new FeatureGateError(`cannot set feature gate ${name} to ${value}, feature is locked to ${locked}`);
    }
    for (const [name, { stage, default: fallback }] of GATES) {
      const all = Object.keys(ALL).find((one) => ALL[one] === stage);
      this.#on.set(name, given.get(name) ?? (all === undefined || all === name ? undefined : given.get(all)) ?? fallback);
    }
    this.unheeded = [...given.keys()].filter((name) => !Object.hasOwn(HEEDED, name) && !Object.hasOwn(ALL, name));
    this.warnings = [...given].flatMap(([featureGate, value]) => {
      const stage = GATES.get(featureGate)?.stage;
      if (stage !== 'GA' && stage !== 'Deprecated') return [];
      const text = `Warning: setting ${stage === 'GA' ? stage : 'deprecated'} feature gate. It will be removed in a future release.`;
      return [{ text, featureGate, value }];
    });
    for (const [name, { needs = [] }] of Object.entries(HEEDED)) {
      const off = this.isOn(name) ? needs.filter((need) => !this.isOn(need)) : [];
      if (off.length > 0) throw new FeatureGateError(`${name} is enabled, but depends on features that are disabled: [${off.join(' ')}]`);
    }
  }

  /** Figures for /metrics. Source: featuregate AddMetrics. */
  expose(): string {
    const help = 'Whether a feature gate is on, by its stage.';
    const family = new GaugeFamily('kubernetes_feature_enabled', help, ['name', 'stage']);
    for (const [name, { stage }] of GATES) family.of(name, STAGE_LABELS[stage]).set(this.isOn(name) ? 1 : 0);
    return family.expose();
  }

  /** @param name of a gate of which more is known than its name. @throws RangeError for another */
  isOn(name: string): boolean {
    const on = this.#on.get(name);
    if (on === undefined) throw new RangeError(`${name} is no feature gate that is heeded here`);
    return on;
  }

  /** The gate that keeps a resource from being served; undefined when none does. @param name `podgroups.scheduling.k8s.io` */
  closedFor(name: string): string | undefined {
    return Object.keys(HEEDED).find((gate) => HEEDED[gate]?.resources.includes(name) === true && !this.isOn(gate));
  }
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
