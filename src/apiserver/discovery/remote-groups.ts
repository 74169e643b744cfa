// What discovery shows of other servers. Aggregation fills it.
import type { APIVersionDiscovery } from '#api/gen/apidiscovery-v2.ts';
import type { GroupInfo } from '#api/schema.ts';

export interface RemoteGroups {
  /** Grows when any answer would be another one. */
  readonly generation: number;
  /** All groups and versions, those of this server among them, in the order of their priorities. */
  merge(local: readonly GroupInfo[]): readonly GroupInfo[];
  /** Undefined for a version that this server serves itself. */
  version(group: string, version: string): APIVersionDiscovery | undefined;
}

export const NO_REMOTE_GROUPS: RemoteGroups = { generation: 0, merge: (local) => local, version: () => undefined };
