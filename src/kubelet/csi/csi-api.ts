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
    MountVolume: { fields: { fs_type: one(1, 'string'), mount_flags: list(2, 'string'), volume_mount_group: one(3, 'string') } },
    AccessMode: { fields: { mode: one(1, 'Mode') } },
    VolumeCapability: { fields: { block: one(1, 'Empty'), mount: one(2, 'MountVolume'), access_mode: one(3, 'AccessMode') } },
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
    CapacityRange: { fields: { required_bytes: one(1, 'int64'), limit_bytes: one(2, 'int64') } },
    Expand: {
      fields: {
        volume_id: one(1, 'string'),
        volume_path: one(2, 'string'),
        capacity_range: one(3, 'CapacityRange'),
        staging_target_path: one(4, 'string'),
        volume_capability: one(5, 'VolumeCapability'),
        secrets: words(6),
      },
    },
    Expanded: { fields: { capacity_bytes: one(1, 'int64') } },
    Measure: { fields: { volume_id: one(1, 'string'), volume_path: one(2, 'string'), staging_target_path: one(3, 'string') } },
    Measured: { fields: { usage: list(1, 'VolumeUsage') } },
    VolumeUsage: { fields: { available: one(1, 'int64'), total: one(2, 'int64'), used: one(3, 'int64'), unit: one(4, 'Unit') } },
  },
  enums: {
    Type: {
      UNKNOWN: 0,
      STAGE_UNSTAGE_VOLUME: 1,
      GET_VOLUME_STATS: 2,
      EXPAND_VOLUME: 3,
      VOLUME_CONDITION: 4,
      SINGLE_NODE_MULTI_WRITER: 5,
      VOLUME_MOUNT_GROUP: 6,
    },
    Unit: { UNKNOWN: 0, BYTES: 1, INODES: 2 },
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

/** For a file system (`mount`) or as a raw device (`block`). */
export interface VolumeCapability {
  readonly block?: object;
  readonly mount?: {
    readonly fsType: string;
    readonly mountFlags: readonly string[];
    /** The pod's fsGroup, for drivers that see to it themselves. */
    readonly volumeMountGroup?: string;
  };
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

export interface ExpandRequest {
  readonly volumeId: string;
  readonly volumePath: string;
  readonly capacityRange: { readonly requiredBytes: number };
  readonly stagingTargetPath: string;
  readonly volumeCapability: VolumeCapability;
  readonly secrets: Words;
}

export interface MeasureRequest {
  readonly volumeId: string;
  readonly volumePath: string;
  readonly stagingTargetPath: string;
}

export interface VolumeUsage {
  readonly available: number;
  readonly total: number;
  readonly used: number;
  readonly unit: string | number;
}

const nodeCall = <Request, Response>(name: string, request: string, response: string): PluginCall<Request, Response> =>
  pluginCall(csiCodec, `/csi.v1.Node/${name}`, request, response);

export const CSI = {
  getInfo: nodeCall<object, NodeInfo>('NodeGetInfo', 'Empty', 'NodeInfo'),
  getCapabilities: nodeCall<object, NodeCapabilities>('NodeGetCapabilities', 'Empty', 'Capabilities'),
  stage: nodeCall<StageRequest, object>('NodeStageVolume', 'Stage', 'Empty'),
  unstage: nodeCall<Pick<StageRequest, 'volumeId' | 'stagingTargetPath'>, object>('NodeUnstageVolume', 'Unstage', 'Empty'),
  publish: nodeCall<PublishRequest, object>('NodePublishVolume', 'Publish', 'Empty'),
  expand: nodeCall<ExpandRequest, { readonly capacityBytes: number }>('NodeExpandVolume', 'Expand', 'Expanded'),
  measure: nodeCall<MeasureRequest, { readonly usage: readonly VolumeUsage[] }>('NodeGetVolumeStats', 'Measure', 'Measured'),
  unpublish: nodeCall<Pick<PublishRequest, 'volumeId' | 'targetPath'>, object>('NodeUnpublishVolume', 'Unpublish', 'Empty'),
} as const;
