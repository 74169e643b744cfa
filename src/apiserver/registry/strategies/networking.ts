// Address ranges of Services. Source: pkg/registry/networking/servicecidr strategy.go.
import type { ServiceCIDR } from '#api/types.ts';
import { METADATA_KEPT, METADATA_OF_STATUS } from '../status-metadata.ts';
import type { Strategy } from '../strategy.ts';

export const serviceCidrStrategy = {
  resetFields: METADATA_OF_STATUS,
  subresources: { status: METADATA_KEPT },
} satisfies Strategy<ServiceCIDR>;
