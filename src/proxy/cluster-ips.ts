// pure
import { canonicalIp, type IpFamily, ipFamilyOf } from '#apimachinery/ip.ts';
import type { Service } from '#api/types.ts';

/** Those of this family, in the one form that equal addresses share; none for a Service without any, such as a headless one. */
export const clusterIPsOf = ({ spec }: Service, family: IpFamily): readonly string[] =>
  (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None' && ipFamilyOf(ip) === family).map(canonicalIp);
