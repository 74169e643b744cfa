// What the kubelet and its plugins say to each other over gRPC: registration, and devices of resource claims.
// Source: k8s.io/kubelet/pkg/apis/pluginregistration/v1 and pkg/apis/dra/v1, api.proto.
import { compileCodec } from '#base/protobuf/codec.ts';
import { mapField, optionalField as one, repeatedField as list } from '#base/protobuf/fields.ts';
import type { ProtoCodec, ProtoField, ProtoSchema } from '#base/protobuf/schema.ts';
import { callUnary, type Caller, type Method } from '#cri/call.ts';

const byUid = (value: string): ProtoField => mapField(1, value);

/** Of DRA, v1 and v1beta1 have the same messages. */
export const PLUGIN_SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    InfoRequest: { fields: {} },
    PluginInfo: {
      fields: { type: one(1, 'string'), name: one(2, 'string'), endpoint: one(3, 'string'), supported_versions: list(4, 'string') },
    },
    RegistrationStatus: { fields: { plugin_registered: one(1, 'bool'), error: one(2, 'string') } },
    RegistrationStatusResponse: { fields: {} },
    Claims: { fields: { claims: list(1, 'Claim') } },
    Claim: { fields: { namespace: one(1, 'string'), uid: one(2, 'string'), name: one(3, 'string') } },
    Prepared: { fields: { claims: byUid('PreparedClaim') } },
    PreparedClaim: { fields: { devices: list(1, 'Device'), error: one(2, 'string') } },
    Device: {
      fields: {
        request_names: list(1, 'string'),
        pool_name: one(2, 'string'),
        device_name: one(3, 'string'),
        cdi_device_ids: list(4, 'string'),
        share_id: { ...one(5, 'string'), oneof: '_share_id' },
      },
    },
    Unprepared: { fields: { claims: byUid('UnpreparedClaim') } },
    UnpreparedClaim: { fields: { error: one(1, 'string') } },
  },
};

export const pluginCodec = compileCodec(PLUGIN_SCHEMA, { names: 'camel', defaults: 'fill' });

export interface PluginInfo {
  /** `DRAPlugin`, `CSIPlugin`, `DevicePlugin` */
  readonly type: string;
  readonly name: string;
  /** Where the plugin does its work; empty: where it registers. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

export interface RegistrationStatus {
  readonly pluginRegistered: boolean;
  /** Empty for a success. */
  readonly error: string;
}

export interface ClaimReference {
  readonly namespace: string;
  readonly uid: string;
  readonly name: string;
}

export interface PreparedDevice {
  /** Requests of the claim that the device is for; none: all of them. */
  readonly requestNames: readonly string[];
  readonly poolName: string;
  readonly deviceName: string;
  readonly cdiDeviceIds: readonly string[];
  /** Of a device that several claims share. */
  readonly shareId?: string;
}

export interface PreparedClaim {
  readonly devices: readonly PreparedDevice[];
  /** Empty for a success. */
  readonly error: string;
}

/** A call with its messages' types. */
export type PluginCall<Request, Response> = Method & { readonly types?: readonly [Request, Response] };

/** `path`: `/service/Method`; `request` and `response`: messages of `codec`. */
export function pluginCall<Request, Response>(
  codec: ProtoCodec,
  path: string,
  request: string,
  response: string,
): PluginCall<Request, Response> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { name, path, request: codec.message(request), response: codec.message(response) };
}

const REGISTRATION = '/pluginregistration.Registration';
export const getInfo = pluginCall<object, PluginInfo>(pluginCodec, `${REGISTRATION}/GetInfo`, 'InfoRequest', 'PluginInfo');
export const notifyRegistrationStatus = pluginCall<RegistrationStatus, object>(
  pluginCodec,
  `${REGISTRATION}/NotifyRegistrationStatus`,
  'RegistrationStatus',
  'RegistrationStatusResponse',
);

type Claims = { readonly claims: readonly ClaimReference[] };
type PerClaim<T> = { readonly claims: Readonly<Record<string, T>> };

export interface DraCalls {
  readonly prepare: PluginCall<Claims, PerClaim<PreparedClaim>>;
  readonly unprepare: PluginCall<Claims, PerClaim<{ readonly error: string }>>;
}

const draCalls = (version: string): DraCalls => ({
  prepare: pluginCall(pluginCodec, `/k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin/NodePrepareResources`, 'Claims', 'Prepared'),
  unprepare: pluginCall(pluginCodec, `/k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin/NodeUnprepareResources`, 'Claims', 'Unprepared'),
});

/** By what a plugin says it supports, the newest first. Source: servicesSupportedByKubelet. */
export const DRA_SERVICES: ReadonlyMap<string, DraCalls> = new Map([
  ['v1.DRAPlugin', draCalls('v1')],
  ['v1beta1.DRAPlugin', draCalls('v1beta1')],
]);

/** @throws CriError: what gRPC says; the signal's reason */
export async function ask<Request, Response>(
  caller: Caller,
  call: PluginCall<Request, Response>,
  request: Request,
  signal?: AbortSignal,
): Promise<Response> {
  return (await callUnary(caller, call, request, signal === undefined ? {} : { signal })) as Response;
}
