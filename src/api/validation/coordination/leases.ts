// Leases and lease candidates. Source: coordination validation.go.
import type { Lease, LeaseSpec } from '../../gen/coordination-v1.ts';
import type { LeaseCandidate } from '../../gen/coordination-v1beta1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { configMapKey, qualifiedName } from '#apimachinery/names.ts';
import { compareVersions, parseVersion, type SemanticVersion } from '#apimachinery/semver.ts';
import { subdomainName, validatePlainMeta, validatePlainMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const SPEC = Path.of('spec');

export function validateLease(out: Problems, lease: Lease): void {
  validatePlainMeta(out, lease.metadata, 'namespaced', subdomainName);
  validateSpec(out, lease.spec);
}

export function validateLeaseUpdate(out: Problems, lease: Lease, old: Lease): void {
  validatePlainMetaUpdate(out, lease.metadata, old.metadata);
  validateSpec(out, lease.spec);
}

function validateSpec(out: Problems, spec: LeaseSpec = {}): void {
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy, preferredHolder } = spec;
  if (duration !== undefined && duration <= 0) out.invalid(SPEC.child('leaseDurationSeconds'), duration, 'must be greater than 0');
  if (transitions !== undefined && transitions < 0)
    out.invalid(SPEC.child('leaseTransitions'), transitions, 'must be greater than or equal to 0');
  if (strategy !== undefined) validateStrategy(out, strategy);
  if (!blank(preferredHolder) && blank(strategy))
    out.forbidden(SPEC.child('preferredHolder'), 'may only be specified if `strategy` is defined');
}

const OLDEST = 'OldestEmulationVersion';

/** The path names the field twice, as upstream's does. Source: ValidateCoordinatedLeaseStrategy. */
function validateStrategy(out: Problems, strategy: string): void {
  const path = SPEC.child('strategy', 'strategy');
  if (strategy.includes('/')) out.each(path, strategy, qualifiedName(strategy));
  else out.oneOf(path, strategy, [OLDEST]);
}

export function validateLeaseCandidate(out: Problems, candidate: LeaseCandidate): void {
  validatePlainMeta(out, candidate.metadata, 'namespaced', (name) => configMapKey(name));
  validateCandidateSpec(out, candidate);
}

export function validateLeaseCandidateUpdate(out: Problems, candidate: LeaseCandidate, old: LeaseCandidate): void {
  validatePlainMetaUpdate(out, candidate.metadata, old.metadata);
  validateCandidateSpec(out, candidate);
  const { leaseName } = candidate.spec;
  out.immutable(SPEC.child('leaseName'), leaseName, leaseName === old.spec.leaseName);
}

const ZERO: SemanticVersion = { numbers: [0n, 0n, 0n], pre: [] };

function validateCandidateSpec(out: Problems, { spec }: LeaseCandidate): void {
  const { leaseName, emulationVersion, binaryVersion, strategy } = spec as Partial<LeaseCandidate['spec']>;
  if (blank(leaseName)) out.required(SPEC.child('leaseName'));
  const version = (name: 'emulationVersion' | 'binaryVersion'): SemanticVersion => {
    const text = spec[name];
    const parsed = blank(text) ? ZERO : parseVersion(text);
    if (typeof parsed !== 'string') return parsed;
    out.invalid(SPEC.child(name), text, 'must be a valid semantic version');
    return ZERO;
  };
  const emulated = version('emulationVersion');
  const binary = version('binaryVersion');
  const path = SPEC.child('binaryVersion');
  if (blank(binaryVersion)) out.required(path);
  else if (!blank(emulationVersion) && compareVersions(binary, emulated) < 0)
    out.invalid(path, binaryVersion, 'must be greater than or equal to `emulationVersion`');
  if (blank(strategy)) return out.required(SPEC.child('strategy'));
  if (strategy === OLDEST && compareVersions(emulated, ZERO) === 0)
    out.required(SPEC.child('emulationVersion'), "must be specified when `strategy` is 'OldestEmulationVersion'");
  validateStrategy(out, strategy);
}
