// etcd's v3 API as the codec's table: what the engine uses of it, under its own numbers.
// Source: etcd release-3.6, api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto. Keys are `bytes` there; read and
// written as strings here, which is the same on the wire, because the contract's keys are UTF-8.
import { compileCodec } from '#base/protobuf/codec.ts';
import type { ProtoCodec, ProtoSchema } from '#base/protobuf/schema.ts';

const ETCD_SCHEMA = {
  syntax: 'proto3',
  services: {
    'etcdserverpb.KV': {
      Range: { request: 'etcdserverpb.RangeRequest', response: 'etcdserverpb.RangeResponse' },
      Txn: { request: 'etcdserverpb.TxnRequest', response: 'etcdserverpb.TxnResponse' },
      Compact: { request: 'etcdserverpb.CompactionRequest', response: 'etcdserverpb.CompactionResponse' },
    },
    'etcdserverpb.Watch': {
      Watch: { request: 'etcdserverpb.WatchRequest', response: 'etcdserverpb.WatchResponse', clientStream: true, serverStream: true },
    },
    'etcdserverpb.Lease': {
      LeaseGrant: { request: 'etcdserverpb.LeaseGrantRequest', response: 'etcdserverpb.LeaseGrantResponse' },
      LeaseRevoke: { request: 'etcdserverpb.LeaseRevokeRequest', response: 'etcdserverpb.LeaseRevokeResponse' },
    },
    'etcdserverpb.Maintenance': {
      Status: { request: 'etcdserverpb.StatusRequest', response: 'etcdserverpb.StatusResponse' },
      Snapshot: { request: 'etcdserverpb.SnapshotRequest', response: 'etcdserverpb.SnapshotResponse', serverStream: true },
    },
  },
  enums: {
    'etcdserverpb.Compare.CompareResult': { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 },
    'etcdserverpb.Compare.CompareTarget': { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 },
    'mvccpb.Event.EventType': { PUT: 0, DELETE: 1 },
  },
  messages: {
    'etcdserverpb.ResponseHeader': {
      fields: {
        revision: { n: 3, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.RangeRequest': {
      fields: {
        key: { n: 1, type: 'string', label: 'optional' },
        range_end: { n: 2, type: 'string', label: 'optional' },
        limit: { n: 3, type: 'int64', label: 'optional' },
        revision: { n: 4, type: 'int64', label: 'optional' },
        keys_only: { n: 8, type: 'bool', label: 'optional' },
        count_only: { n: 9, type: 'bool', label: 'optional' },
      },
    },
    'etcdserverpb.RangeResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        kvs: { n: 2, type: 'mvccpb.KeyValue', label: 'repeated' },
        more: { n: 3, type: 'bool', label: 'optional' },
        count: { n: 4, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.PutRequest': {
      fields: {
        key: { n: 1, type: 'string', label: 'optional' },
        value: { n: 2, type: 'bytes', label: 'optional' },
        lease: { n: 3, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.PutResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
      },
    },
    'etcdserverpb.DeleteRangeRequest': {
      fields: {
        key: { n: 1, type: 'string', label: 'optional' },
      },
    },
    'etcdserverpb.DeleteRangeResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        deleted: { n: 2, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.RequestOp': {
      fields: {
        request_range: { n: 1, type: 'etcdserverpb.RangeRequest', label: 'optional', oneof: 'request' },
        request_put: { n: 2, type: 'etcdserverpb.PutRequest', label: 'optional', oneof: 'request' },
        request_delete_range: { n: 3, type: 'etcdserverpb.DeleteRangeRequest', label: 'optional', oneof: 'request' },
      },
    },
    'etcdserverpb.ResponseOp': {
      fields: {
        response_range: { n: 1, type: 'etcdserverpb.RangeResponse', label: 'optional', oneof: 'response' },
        response_put: { n: 2, type: 'etcdserverpb.PutResponse', label: 'optional', oneof: 'response' },
        response_delete_range: { n: 3, type: 'etcdserverpb.DeleteRangeResponse', label: 'optional', oneof: 'response' },
      },
    },
    'etcdserverpb.Compare': {
      fields: {
        result: { n: 1, type: 'etcdserverpb.Compare.CompareResult', label: 'optional' },
        target: { n: 2, type: 'etcdserverpb.Compare.CompareTarget', label: 'optional' },
        key: { n: 3, type: 'string', label: 'optional' },
        mod_revision: { n: 6, type: 'int64', label: 'optional', oneof: 'target_union' },
      },
    },
    'etcdserverpb.TxnRequest': {
      fields: {
        compare: { n: 1, type: 'etcdserverpb.Compare', label: 'repeated' },
        success: { n: 2, type: 'etcdserverpb.RequestOp', label: 'repeated' },
        failure: { n: 3, type: 'etcdserverpb.RequestOp', label: 'repeated' },
      },
    },
    'etcdserverpb.TxnResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        succeeded: { n: 2, type: 'bool', label: 'optional' },
        responses: { n: 3, type: 'etcdserverpb.ResponseOp', label: 'repeated' },
      },
    },
    'etcdserverpb.CompactionRequest': {
      fields: {
        revision: { n: 1, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.CompactionResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
      },
    },
    'etcdserverpb.WatchRequest': {
      fields: {
        create_request: { n: 1, type: 'etcdserverpb.WatchCreateRequest', label: 'optional', oneof: 'request_union' },
        cancel_request: { n: 2, type: 'etcdserverpb.WatchCancelRequest', label: 'optional', oneof: 'request_union' },
        progress_request: { n: 3, type: 'etcdserverpb.WatchProgressRequest', label: 'optional', oneof: 'request_union' },
      },
    },
    'etcdserverpb.WatchCreateRequest': {
      fields: {
        key: { n: 1, type: 'string', label: 'optional' },
        range_end: { n: 2, type: 'string', label: 'optional' },
        start_revision: { n: 3, type: 'int64', label: 'optional' },
        progress_notify: { n: 4, type: 'bool', label: 'optional' },
        prev_kv: { n: 6, type: 'bool', label: 'optional' },
        fragment: { n: 8, type: 'bool', label: 'optional' },
      },
    },
    'etcdserverpb.WatchCancelRequest': {
      fields: {
        watch_id: { n: 1, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.WatchProgressRequest': {
      fields: {},
    },
    'etcdserverpb.WatchResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        watch_id: { n: 2, type: 'int64', label: 'optional' },
        created: { n: 3, type: 'bool', label: 'optional' },
        canceled: { n: 4, type: 'bool', label: 'optional' },
        compact_revision: { n: 5, type: 'int64', label: 'optional' },
        cancel_reason: { n: 6, type: 'string', label: 'optional' },
        fragment: { n: 7, type: 'bool', label: 'optional' },
        events: { n: 11, type: 'mvccpb.Event', label: 'repeated' },
      },
    },
    'etcdserverpb.LeaseGrantRequest': {
      fields: {
        TTL: { n: 1, type: 'int64', label: 'optional' },
        ID: { n: 2, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.LeaseGrantResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        ID: { n: 2, type: 'int64', label: 'optional' },
        TTL: { n: 3, type: 'int64', label: 'optional' },
        error: { n: 4, type: 'string', label: 'optional' },
      },
    },
    'etcdserverpb.LeaseRevokeRequest': {
      fields: {
        ID: { n: 1, type: 'int64', label: 'optional' },
      },
    },
    'etcdserverpb.LeaseRevokeResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
      },
    },
    'etcdserverpb.SnapshotRequest': {
      fields: {},
    },
    'etcdserverpb.SnapshotResponse': {
      fields: {
        blob: { n: 3, type: 'bytes', label: 'optional' },
      },
    },
    'etcdserverpb.StatusRequest': {
      fields: {},
    },
    'etcdserverpb.StatusResponse': {
      fields: {
        header: { n: 1, type: 'etcdserverpb.ResponseHeader', label: 'optional' },
        version: { n: 2, type: 'string', label: 'optional' },
        dbSize: { n: 3, type: 'int64', label: 'optional' },
      },
    },
    'mvccpb.KeyValue': {
      fields: {
        key: { n: 1, type: 'string', label: 'optional' },
        create_revision: { n: 2, type: 'int64', label: 'optional' },
        mod_revision: { n: 3, type: 'int64', label: 'optional' },
        version: { n: 4, type: 'int64', label: 'optional' },
        value: { n: 5, type: 'bytes', label: 'optional' },
        lease: { n: 6, type: 'int64', label: 'optional' },
      },
    },
    'mvccpb.Event': {
      fields: {
        type: { n: 1, type: 'mvccpb.Event.EventType', label: 'optional' },
        kv: { n: 2, type: 'mvccpb.KeyValue', label: 'optional' },
        prev_kv: { n: 3, type: 'mvccpb.KeyValue', label: 'optional' },
      },
    },
  },
} as const satisfies ProtoSchema;

export const etcdCodec: ProtoCodec = compileCodec(ETCD_SCHEMA, { names: 'camel', defaults: 'fill', bytes: 'copy' });
