// Metadata on the status endpoint, which takes none of it for most kinds. Pure.
import type { KubeObject } from '#api/types.ts';
import { resetForStatus } from './metadata.ts';
import type { Strategy, UpdateHooks } from './strategy.ts';

/** What was sent of metadata is as if it had not been. */
export const METADATA_KEPT = {
  prepareForUpdate: <T extends KubeObject>(object: T, old: T): T => ({
    ...object,
    metadata: resetForStatus(object.metadata, old.metadata),
  }),
} satisfies UpdateHooks<KubeObject>;

/** And so nobody comes to own metadata through it. Source: GetResetFields of status strategies; TestFieldsWipingConsistency holds the two together. */
export const METADATA_OF_STATUS = { status: [['metadata']] } satisfies Strategy['resetFields'];
