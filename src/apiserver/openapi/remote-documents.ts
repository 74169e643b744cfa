// What other servers say of their group versions. Aggregation fills it.
import type { SwaggerDocument } from './swagger.ts';

export interface RemoteDocuments {
  /** Grows with every change. */
  readonly generation: number;
  /** Documents of v3 that requests are passed on for: `apis/GROUP/VERSION` to its path and hash. */
  locations(): ReadonlyMap<string, string>;
  /** Of v2, each reduced to one group version. */
  swaggers(): readonly SwaggerDocument[];
}

export const NO_REMOTE_DOCUMENTS: RemoteDocuments = { generation: 0, locations: () => new Map(), swaggers: () => [] };
