// The podresources API: what of the node's devices, CPUs and memory the containers hold, for those who watch over them.
// Source: k8s.io/kubelet/pkg/apis/podresources/v1 api.proto.
import { compileCodec } from '#base/protobuf/codec.ts';
import { optionalField as one, repeatedField as list } from '#base/protobuf/fields.ts';
import type { ProtoSchema } from '#base/protobuf/schema.ts';

const POD_RESOURCES_SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    Empty: { fields: {} },
    PodName: { fields: { pod_name: one(1, 'string'), pod_namespace: one(2, 'string') } },
    Listed: { fields: { pod_resources: list(1, 'PodResources') } },
    Got: { fields: { pod_resources: one(1, 'PodResources') } },
    Allocatable: { fields: { devices: list(1, 'Devices'), cpu_ids: list(2, 'int64'), memory: list(3, 'Memory') } },
    PodResources: { fields: { name: one(1, 'string'), namespace: one(2, 'string'), containers: list(3, 'ContainerResources') } },
    ContainerResources: {
      fields: {
        name: one(1, 'string'),
        devices: list(2, 'Devices'),
        cpu_ids: list(3, 'int64'),
        memory: list(4, 'Memory'),
        dynamic_resources: list(5, 'DynamicResource'),
      },
    },
    Memory: { fields: { memory_type: one(1, 'string'), size: one(2, 'uint64'), topology: one(3, 'Topology') } },
    Devices: { fields: { resource_name: one(1, 'string'), device_ids: list(2, 'string'), topology: one(3, 'Topology') } },
    Topology: { fields: { nodes: list(1, 'NumaNode') } },
    NumaNode: { fields: { ID: { ...one(1, 'int64'), json: 'id' } } },
    DynamicResource: {
      fields: { claim_name: one(2, 'string'), claim_namespace: one(3, 'string'), claim_resources: list(4, 'ClaimResource') },
    },
    ClaimResource: {
      fields: {
        cdi_devices: list(1, 'CdiDevice'),
        driver_name: one(2, 'string'),
        pool_name: one(3, 'string'),
        device_name: one(4, 'string'),
        share_id: { ...one(5, 'string'), oneof: '_share_id' },
      },
    },
    CdiDevice: { fields: { name: one(1, 'string') } },
  },
};

export const podResourcesCodec = compileCodec(POD_RESOURCES_SCHEMA, { names: 'camel', defaults: 'fill' });

export const POD_RESOURCES_SERVICE = 'v1.PodResourcesLister';

export interface ClaimResource {
  readonly cdiDevices: readonly { readonly name: string }[];
  readonly driverName: string;
  readonly poolName: string;
  readonly deviceName: string;
  readonly shareId?: string;
}

export interface DynamicResource {
  readonly claimName: string;
  readonly claimNamespace: string;
  readonly claimResources: readonly ClaimResource[];
}

export interface Devices {
  readonly resourceName: string;
  readonly deviceIds: readonly string[];
  readonly topology?: { readonly nodes: readonly { readonly id: number }[] };
}

/** Of one NUMA node, or of several together. */
export interface Memory {
  readonly memoryType: string;
  /** Bytes. */
  readonly size: bigint;
  readonly topology: { readonly nodes: readonly { readonly id: number }[] };
}

/** CPUs and memory are those that the container has to itself. */
export interface ContainerResources {
  readonly name: string;
  readonly devices: readonly Devices[];
  readonly cpuIds: readonly number[];
  readonly memory: readonly Memory[];
  readonly dynamicResources: readonly DynamicResource[];
}

export interface PodResources {
  readonly name: string;
  readonly namespace: string;
  readonly containers: readonly ContainerResources[];
}
