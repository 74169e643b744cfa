// Leases and lease candidates. Source: coordination validation.go.
import type { Lease, LeaseSpec } from '../../gen/coordination-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';
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
  if (strategy !== undefined) {
    const path = SPEC.child('strategy', 'strategy');
    if (strategy.includes('/')) out.each(path, strategy, qualifiedName(strategy));
    else out.oneOf(path, strategy, ['OldestEmulationVersion']);
  }
  if (!blank(preferredHolder) && blank(strategy))
    out.forbidden(SPEC.child('preferredHolder'), 'may only be specified if `strategy` is defined');
}
