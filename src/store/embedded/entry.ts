// From the engine's versions to the contract's entries.
import type { KeyValue } from '../contract.ts';
import { fromByteOrder } from '../key-order.ts';
import type { Version } from './version.ts';

export function entryOf(version: Version, value: Uint8Array): KeyValue {
  return {
    key: fromByteOrder(version.key),
    value,
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    lease: version.lease,
  };
}
