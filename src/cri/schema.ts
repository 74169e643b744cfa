// CRI v1's messages and services as the codec's table, and the one codec over them.
import { compileCodec } from '#base/protobuf/codec.ts';
import type { ProtoCodec, ProtoSchema } from '#base/protobuf/schema.ts';
import table from './gen/cri-v1.json' with { type: 'json' };

/** Source: kubernetes/cri-api, pkg/apis/runtime/v1/api.proto. */
export const CRI_SCHEMA = table as ProtoSchema;

export const criCodec: ProtoCodec = compileCodec(CRI_SCHEMA, { names: 'camel', defaults: 'fill' });
