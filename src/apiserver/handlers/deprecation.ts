// What is told of a deprecated version: a warning with every answer, and when it goes. Pure.
// Source: endpoints/deprecation WarningMessage, RemovedRelease.
import { apiVersionOf } from '#apimachinery/resource.ts';
import type { ServedResource } from '../registry/catalog.ts';

export interface ToldDeprecation {
  readonly warning: string;
  /** `1.39`; empty where none is known. */
  readonly removedRelease: string;
}

interface Deprecation {
  /** Minor releases of v1. */
  readonly since: number;
  readonly until?: number;
  readonly use?: string;
}

/** GA versions that lasted: their rows in the tables carry no lifecycle. Source: APILifecycleDeprecated of core/v1. */
const STABLE: Readonly<Record<string, Deprecation>> = {
  endpoints: { since: 33, use: 'discovery.k8s.io/v1 EndpointSlice' },
  componentstatuses: { since: 19 },
};

const minor = (release: string | undefined): number | undefined => (release === undefined ? undefined : Number(release.split('.')[1]));

/** Undefined for what is not deprecated. @param current minor release this server is */
export function deprecationOf({ info, apiVersion, name }: ServedResource, current: number): ToldDeprecation | undefined {
  const custom = info.custom?.deprecationWarning;
  if (custom !== undefined) return { warning: custom, removedRelease: '' };
  const since = minor(info.deprecatedIn);
  const until = minor(info.removedIn);
  const { replacement } = info;
  const found: Deprecation | undefined =
    since === undefined
      ? STABLE[name]
      : {
          since,
          ...(until === undefined ? {} : { until }),
          ...(replacement === undefined ? {} : { use: `${apiVersionOf(replacement)} ${replacement.kind}` }),
        };
  if (found === undefined || found.since > current) return undefined;
  const gone = found.until === undefined ? '' : `, unavailable in v1.${found.until}+`;
  const use = found.use === undefined ? '' : `; use ${found.use}`;
  return {
    warning: `${apiVersion} ${info.kind} is deprecated in v1.${found.since}+${gone}${use}`,
    removedRelease: found.until === undefined ? '' : `1.${found.until}`,
  };
}
