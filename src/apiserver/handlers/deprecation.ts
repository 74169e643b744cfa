// The warning that goes with every answer of a deprecated version. Pure. Source: endpoints/deprecation WarningMessage.
import { apiVersionOf } from '#apimachinery/resource.ts';
import type { ServedResource } from '../registry/catalog.ts';

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

/** @param current minor release this server is; undefined for no warning */
export function deprecationWarning({ info, apiVersion, name }: ServedResource, current: number): string | undefined {
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
  return `${apiVersion} ${info.kind} is deprecated in v1.${found.since}+${gone}${found.use === undefined ? '' : `; use ${found.use}`}`;
}
