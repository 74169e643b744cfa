// What the kubelet asks of CSI drivers. Source: container-storage-interface/spec csi.proto v1, the node service.
import { compileCodec } from '#base/protobuf/codec.ts';
import { mapField, optionalField as one, repeatedField as list } from '#base/protobuf/fields.ts';
import type { ProtoField, ProtoSchema } from '#base/protobuf/schema.ts';
import { pluginCall, type PluginCall } from '../plugins/plugin-api.ts';

const words = (n: number): ProtoField => mapField(n, 'string');

const SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    Empty: { fields: {} },
    NodeInfo: { fields: { node_id: one(1, 'string'), max_volumes_per_node: one(2, 'int64'), accessible_topology: one(3, 'Topology') } },
    Topology: { fields: { segments: words(1) } },
    Capabilities: { fields: { capabilities: list(1, 'NodeServiceCapability') } },
    NodeServiceCapability: { fields: { rpc: one(1, 'RPC') } },
    RPC: { fields: { type: one(1, 'Type') } },
    MountVolume: { fields: { fs_type: one(1, 'string'), mount_flags: list(2, 'string') } },
    AccessMode: { fields: { mode: one(1, 'Mode') } },
    VolumeCapability: { fields: { mount: one(2, 'MountVolume'), access_mode: one(3, 'AccessMode') } },
    Stage: {
      fields: {
        volume_id: one(1, 'string'),
        publish_context: words(2),
        staging_target_path: one(3, 'string'),
        volume_capability: one(4, 'VolumeCapability'),
        secrets: words(5),
        volume_context: words(6),
      },
    },
    Unstage: { fields: { volume_id: one(1, 'string'), staging_target_path: one(2, 'string') } },
    Publish: {
      fields: {
        volume_id: one(1, 'string'),
        publish_context: words(2),
        staging_target_path: one(3, 'string'),
        target_path: one(4, 'string'),
        volume_capability: one(5, 'VolumeCapability'),
        readonly: one(6, 'bool'),
        secrets: words(7),
        volume_context: words(8),
      },
    },
    Unpublish: { fields: { volume_id: one(1, 'string'), target_path: one(2, 'string') } },
  },
  enums: {
    Type: { UNKNOWN: 0, STAGE_UNSTAGE_VOLUME: 1, SINGLE_NODE_MULTI_WRITER: 5 },
    Mode: {
      UNKNOWN: 0,
      SINGLE_NODE_WRITER: 1,
      SINGLE_NODE_READER_ONLY: 2,
      MULTI_NODE_READER_ONLY: 3,
      MULTI_NODE_SINGLE_WRITER: 4,
      MULTI_NODE_MULTI_WRITER: 5,
      SINGLE_NODE_SINGLE_WRITER: 6,
      SINGLE_NODE_MULTI_WRITER: 7,
    },
  },
};

export const csiCodec = compileCodec(SCHEMA, { names: 'camel', defaults: 'fill' });

type Words = Readonly<Record<string, string>>;

export interface NodeInfo {
  readonly nodeId: string;
  /** 0 for no limit. */
  readonly maxVolumesPerNode: number;
  readonly accessibleTopology?: { readonly segments: Words };
}

export interface NodeCapabilities {
  /** `STAGE_UNSTAGE_VOLUME`; one that is not known here is its number. */
  readonly capabilities: readonly { readonly rpc?: { readonly type: string | number } }[];
}

export interface VolumeCapability {
  readonly mount: { readonly fsType: string; readonly mountFlags: readonly string[] };
  readonly accessMode: { readonly mode: string };
}

export interface StageRequest {
  readonly volumeId: string;
  readonly publishContext: Words;
  readonly stagingTargetPath: string;
  readonly volumeCapability: VolumeCapability;
  readonly secrets: Words;
  readonly volumeContext: Words;
}

export interface PublishRequest extends StageRequest {
  readonly targetPath: string;
  readonly readonly: boolean;
}

const nodeCall = <Request, Response>(name: string, request: string, response: string): PluginCall<Request, Response> =>
  pluginCall(csiCodec, `/csi.v1.Node/${name}`, request, response);

export const CSI = {
  getInfo: nodeCall<object, NodeInfo>('NodeGetInfo', 'Empty', 'NodeInfo'),
  getCapabilities: nodeCall<object, NodeCapabilities>('NodeGetCapabilities', 'Empty', 'Capabilities'),
  stage: nodeCall<StageRequest, object>('NodeStageVolume', 'Stage', 'Empty'),
  unstage: nodeCall<Pick<StageRequest, 'volumeId' | 'stagingTargetPath'>, object>('NodeUnstageVolume', 'Unstage', 'Empty'),
  publish: nodeCall<PublishRequest, object>('NodePublishVolume', 'Publish', 'Empty'),
  unpublish: nodeCall<Pick<PublishRequest, 'volumeId' | 'targetPath'>, object>('NodeUnpublishVolume', 'Unpublish', 'Empty'),
} as const;
