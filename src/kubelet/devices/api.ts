// What the kubelet and device plugins say to each other. Source: k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1 api.proto.
import { compileCodec } from '#base/protobuf/codec.ts';
import { mapField, optionalField as one, repeatedField as list } from '#base/protobuf/fields.ts';
import type { ProtoSchema } from '#base/protobuf/schema.ts';
import type { Method } from '#cri/call.ts';
import { pluginCall } from '../plugins/plugin-api.ts';

const DEVICE_SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    Empty: { fields: {} },
    Options: { fields: { pre_start_required: one(1, 'bool'), get_preferred_allocation_available: one(2, 'bool') } },
    Registration: {
      fields: { version: one(1, 'string'), endpoint: one(2, 'string'), resource_name: one(3, 'string'), options: one(4, 'Options') },
    },
    Devices: { fields: { devices: list(1, 'Device') } },
    Device: { fields: { ID: { ...one(1, 'string'), json: 'id' }, health: one(2, 'string'), topology: one(3, 'Topology') } },
    Topology: { fields: { nodes: list(1, 'NumaNode') } },
    NumaNode: { fields: { ID: { ...one(1, 'int64'), json: 'id' } } },
    PreStart: { fields: { devices_ids: list(1, 'string') } },
    Preference: { fields: { container_requests: list(1, 'ContainerPreference') } },
    ContainerPreference: {
      fields: {
        available_deviceIDs: { ...list(1, 'string'), json: 'available' },
        must_include_deviceIDs: { ...list(2, 'string'), json: 'mustInclude' },
        allocation_size: { ...one(3, 'int32'), json: 'size' },
      },
    },
    Preferred: { fields: { container_responses: list(1, 'ContainerPreferred') } },
    ContainerPreferred: { fields: { deviceIDs: { ...list(1, 'string'), json: 'devices' } } },
    Allocate: { fields: { container_requests: list(1, 'ContainerAllocate') } },
    ContainerAllocate: { fields: { devices_ids: list(1, 'string') } },
    Allocated: { fields: { container_responses: list(1, 'ContainerAllocated') } },
    ContainerAllocated: {
      fields: {
        envs: mapField(1, 'string'),
        mounts: list(2, 'Mount'),
        devices: list(3, 'DeviceSpec'),
        annotations: mapField(4, 'string'),
        cdi_devices: list(5, 'CdiDevice'),
      },
    },
    CdiDevice: { fields: { name: one(1, 'string') } },
    Mount: { fields: { container_path: one(1, 'string'), host_path: one(2, 'string'), read_only: one(3, 'bool') } },
    DeviceSpec: { fields: { container_path: one(1, 'string'), host_path: one(2, 'string'), permissions: one(3, 'string') } },
  },
};

export const deviceCodec = compileCodec(DEVICE_SCHEMA, { names: 'camel', defaults: 'fill' });

export const DEVICE_API_VERSION = 'v1beta1';

export interface PluginOptions {
  readonly preStartRequired: boolean;
  readonly getPreferredAllocationAvailable: boolean;
}

export interface RegisterRequest {
  readonly version: string;
  /** Name of its socket, in the folder where it registers. */
  readonly endpoint: string;
  readonly resourceName: string;
}

export interface Device {
  readonly id: string;
  /** `Healthy`, or something else */
  readonly health: string;
  readonly topology?: { readonly nodes: readonly { readonly id: number }[] };
}

/** What a container needs to use its devices. */
export interface DeviceGrant {
  readonly envs: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly containerPath: string; readonly hostPath: string; readonly readOnly: boolean }[];
  readonly devices: readonly { readonly containerPath: string; readonly hostPath: string; readonly permissions: string }[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly { readonly name: string }[];
}

/** What `a` gives and `b` too; where they differ, `b` counts. */
export const mergedGrants = (a: DeviceGrant, b: DeviceGrant): DeviceGrant => ({
  envs: { ...a.envs, ...b.envs },
  mounts: [...a.mounts, ...b.mounts],
  devices: [...a.devices, ...b.devices],
  annotations: { ...a.annotations, ...b.annotations },
  cdiDevices: [...a.cdiDevices, ...b.cdiDevices],
});

export interface Preference {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  readonly size: number;
}

const PLUGIN = '/v1beta1.DevicePlugin';

type PerContainer<T> = { readonly containerRequests: readonly T[] };
type Answers<T> = { readonly containerResponses: readonly T[] };

export const getOptions = pluginCall<object, PluginOptions>(deviceCodec, `${PLUGIN}/GetDevicePluginOptions`, 'Empty', 'Options');
export const listAndWatch: Method = pluginCall(deviceCodec, `${PLUGIN}/ListAndWatch`, 'Empty', 'Devices');
export const getPreferred = pluginCall<PerContainer<Preference>, Answers<{ readonly devices: readonly string[] }>>(
  deviceCodec,
  `${PLUGIN}/GetPreferredAllocation`,
  'Preference',
  'Preferred',
);
export const allocate = pluginCall<PerContainer<{ readonly devicesIds: readonly string[] }>, Answers<DeviceGrant>>(
  deviceCodec,
  `${PLUGIN}/Allocate`,
  'Allocate',
  'Allocated',
);
export const preStart = pluginCall<{ readonly devicesIds: readonly string[] }, object>(
  deviceCodec,
  `${PLUGIN}/PreStartContainer`,
  'PreStart',
  'Empty',
);
