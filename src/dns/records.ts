// pure
// What the cluster zone knows, as plain records. Wire encoding is ./message.ts's.

/** Seconds an answer from the zone may be cached. Source: kubeadm's Corefile, `kubernetes … ttl 30`. */
export const ZONE_TTL = 30;

/** A question in lower case, without the trailing dot. */
export interface Question {
  readonly name: string;
  /** `A`, `SRV`, …; `UNKNOWN_<n>` for a type without a name. */
  readonly type: string;
}

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'; readonly name: string; readonly ttl: number; readonly data: string }
  | { readonly type: 'TXT'; readonly name: string; readonly ttl: number; readonly data: string }
  | {
      readonly type: 'SRV';
      readonly name: string;
      readonly ttl: number;
      readonly data: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string };
    }
  | {
      readonly type: 'SOA';
      readonly name: string;
      readonly ttl: number;
      readonly data: {
        readonly mname: string;
        readonly rname: string;
        readonly serial: number;
        readonly refresh: number;
        readonly retry: number;
        readonly expire: number;
        readonly minimum: number;
      };
    };

export type AddressRecord = Extract<DnsRecord, { type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS' }>;

/** What the zone says to one question. */
export type ZoneAnswer =
  | { readonly kind: 'records'; readonly answers: readonly DnsRecord[]; readonly additionals: readonly DnsRecord[] }
  /** The name exists, but has no record of this type. */
  | { readonly kind: 'noData' }
  | { readonly kind: 'nxDomain' }
  /** An alias to a name outside the zone: the resolver follows it. */
  | { readonly kind: 'alias'; readonly answers: readonly DnsRecord[]; readonly target: string }
  /** What this server does for nobody: the zone as a whole. */
  | { readonly kind: 'refused' }
  /** Not ours: a name outside the zone, or a reverse name nobody here has. */
  | { readonly kind: 'elsewhere' };

export function addressRecord(name: string, address: string, ttl = ZONE_TTL): AddressRecord {
  return { type: address.includes(':') ? 'AAAA' : 'A', name, ttl, data: address };
}
