// LeaseCandidates. Source: pkg/registry/coordination/leasecandidate strategy.go.
import type { LeaseCandidate } from '#api/gen/coordination-v1beta1.ts';
import type { Strategy } from '../strategy.ts';

export const leaseCandidateStrategy = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  selectableFields: { 'spec.leaseName': ({ spec }) => spec.leaseName },
} satisfies Strategy<LeaseCandidate>;
