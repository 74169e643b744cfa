// Address ranges of Services. Source: pkg/registry/networking/servicecidr strategy.go.
import type { ServiceCIDR } from '#api/types.ts';
import { resetForStatus } from '../metadata.ts';
import type { Strategy } from '../strategy.ts';

export const serviceCidrStrategy = {
  subresources: {
    status: { prepareForUpdate: (range, old) => ({ ...range, metadata: resetForStatus(range.metadata, old.metadata) }) },
  },
} satisfies Strategy<ServiceCIDR>;
