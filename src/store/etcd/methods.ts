// The calls the engine makes, typed; the shapes are those of ./schema.ts.
import type { MessageCodec } from '#base/protobuf/schema.ts';
import { etcdCodec } from './schema.ts';

export interface ResponseHeader {
  /** The store's revision when the server answered. */
  readonly revision: number;
}

export interface EtcdKeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
}

export interface EtcdRangeRequest {
  readonly key: string;
  /** Empty: `key` alone. */
  readonly rangeEnd?: string;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface EtcdRangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly EtcdKeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export type RequestOp =
  | { readonly requestRange: EtcdRangeRequest }
  | { readonly requestPut: { readonly key: string; readonly value: Uint8Array; readonly lease: number } }
  | { readonly requestDeleteRange: { readonly key: string } };

export interface Compare {
  readonly result: 'EQUAL';
  readonly target: 'MOD';
  readonly key: string;
  readonly modRevision: number;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange?: EtcdRangeResponse }[];
}

export type EtcdWatchRequest =
  | {
      readonly createRequest: {
        readonly key: string;
        readonly rangeEnd: string;
        readonly startRevision: number;
        readonly progressNotify: boolean;
        readonly prevKv: boolean;
        readonly fragment: boolean;
      };
    }
  | { readonly progressRequest: Record<string, never> };

export interface EtcdEvent {
  readonly type: 'PUT' | 'DELETE';
  readonly kv: EtcdKeyValue;
  readonly prevKv?: EtcdKeyValue;
}

export interface EtcdWatchResponse {
  readonly header: ResponseHeader;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Above 0 when the revision asked for was compacted. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same events follow. */
  readonly fragment: boolean;
  readonly events: readonly EtcdEvent[];
}

/** A call of etcd's API. A read may be made again elsewhere; a write may have happened although no answer came. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly effect: 'read' | 'write';
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

function method<Request, Response>(service: string, name: string, effect: 'read' | 'write'): Method<Request, Response> {
  return {
    path: `/etcdserverpb.${service}/${name}`,
    effect,
    request: etcdCodec.message<Request>(`etcdserverpb.${service === 'KV' && name === 'Compact' ? 'Compaction' : name}Request`),
    response: etcdCodec.message<Response>(`etcdserverpb.${service === 'KV' && name === 'Compact' ? 'Compaction' : name}Response`),
  };
}

interface Headed {
  readonly header: ResponseHeader;
}

export const RANGE = method<EtcdRangeRequest, EtcdRangeResponse>('KV', 'Range', 'read');
export const TXN = method<TxnRequest, TxnResponse>('KV', 'Txn', 'write');
/** Compacting twice is no different from compacting once. */
export const COMPACT = method<{ readonly revision: number }, Headed>('KV', 'Compact', 'read');
export const WATCH = method<EtcdWatchRequest, EtcdWatchResponse>('Watch', 'Watch', 'read');
export const LEASE_GRANT = method<{ readonly TTL: number; readonly ID: number }, Headed>('Lease', 'LeaseGrant', 'write');
/** Nor is revoking twice. */
export const LEASE_REVOKE = method<{ readonly ID: number }, Headed>('Lease', 'LeaseRevoke', 'read');
export const STATUS = method<Record<string, never>, Headed & { readonly version: string; readonly dbSize: number }>(
  'Maintenance',
  'Status',
  'read',
);
export const SNAPSHOT = method<Record<string, never>, { readonly blob: Uint8Array }>('Maintenance', 'Snapshot', 'read');
