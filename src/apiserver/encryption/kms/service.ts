// The key management service of another process, over gRPC on a unix socket.
// Source: kms apis/v2 api.proto; apiserver envelope/kmsv2 grpc_service.go.
import { Client, credentials, Metadata, status as codes, type ServiceError } from '@grpc/grpc-js';
import { compileCodec } from '#base/protobuf/codec.ts';
import { mapField, optionalField as field } from '#base/protobuf/fields.ts';
import type { MessageCodec, ProtoField, ProtoSchema } from '#base/protobuf/schema.ts';
import type { Clock } from '#base/clock.ts';
import { codeName } from '../metrics.ts';

export interface KmsStatus {
  readonly version: string;
  readonly healthz: string;
  readonly keyId: string;
}

export type Annotations = Readonly<Record<string, Uint8Array>>;

/** A key wrapped by the service. */
export interface WrappedKey {
  readonly ciphertext: Uint8Array;
  readonly keyId: string;
  readonly annotations: Annotations;
}

/** Every call rejects with an Error when the service does not answer in time. */
export interface KmsService {
  status(): Promise<KmsStatus>;
  wrap(plaintext: Uint8Array, uid: string): Promise<WrappedKey>;
  unwrap(key: WrappedKey, uid: string): Promise<Uint8Array>;
  close(): void;
}

const annotations = (n: number): ProtoField => mapField(n, 'bytes');

/** Messages of the service, and of what is stored (`EncryptedObject`). */
const SCHEMA: ProtoSchema = {
  syntax: 'proto3',
  messages: {
    'v2.StatusRequest': { fields: {} },
    'v2.StatusResponse': { fields: { version: field(1, 'string'), healthz: field(2, 'string'), key_id: field(3, 'string') } },
    'v2.DecryptRequest': {
      fields: { ciphertext: field(1, 'bytes'), uid: field(2, 'string'), key_id: field(3, 'string'), annotations: annotations(4) },
    },
    'v2.DecryptResponse': { fields: { plaintext: field(1, 'bytes') } },
    'v2.EncryptRequest': { fields: { plaintext: field(1, 'bytes'), uid: field(2, 'string') } },
    'v2.EncryptResponse': { fields: { ciphertext: field(1, 'bytes'), key_id: field(2, 'string'), annotations: annotations(3) } },
    'v2.EncryptedObject': {
      fields: {
        encryptedData: field(1, 'bytes'),
        keyID: { ...field(2, 'string'), json: 'keyId' },
        encryptedDEKSource: { ...field(3, 'bytes'), json: 'wrappedKey' },
        annotations: annotations(4),
        encryptedDEKSourceType: { ...field(5, 'int32'), json: 'keyType' },
      },
    },
  },
};

const codec = compileCodec(SCHEMA, { names: 'camel', bytes: 'copy', defaults: 'fill' });

/** What stands in the store behind `k8s:enc:kms:v2:NAME:`. */
export interface EncryptedObject {
  readonly encryptedData: Uint8Array;
  readonly keyId: string;
  readonly wrappedKey: Uint8Array;
  readonly annotations: Annotations;
  /** KEY_TYPE. */
  readonly keyType: number;
}

/** 0: the wrapped bytes are an AES-GCM key; 1: they are a seed that keys are derived from. Source: EncryptedDEKSourceType. */
export const KEY_TYPE = { key: 0, seed: 1 } as const;

export const encryptedObject: MessageCodec<EncryptedObject> = codec.message('v2.EncryptedObject');

export interface KmsMethod<Request, Response> {
  readonly path: string;
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

const method = <Request, Response>(name: string): KmsMethod<Request, Response> => ({
  path: `/v2.KeyManagementService/${name}`,
  request: codec.message<Request>(`v2.${name}Request`),
  response: codec.message<Response>(`v2.${name}Response`),
});

/** Also what a service for tests answers. */
export const KMS_METHODS = {
  status: method<object, KmsStatus>('Status'),
  wrap: method<{ readonly plaintext: Uint8Array; readonly uid: string }, WrappedKey>('Encrypt'),
  unwrap: method<WrappedKey & { readonly uid: string }, { readonly plaintext: Uint8Array }>('Decrypt'),
} as const;

export interface KmsConnection {
  /** `unix:///run/kms.sock`. */
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Told of each call: its path, how long it took, what went wrong. */
  readonly observe: (method: string, ms: number, error: { readonly code?: number } | undefined) => void;
}

/** Source: grpc status.Error. */
function wordsOf({ code, details }: ServiceError): string {
  return `rpc error: code = ${codeName(code)} desc = ${code === codes.DEADLINE_EXCEEDED ? 'context deadline exceeded' : details}`;
}

export function connectKms({ endpoint, timeoutMs, clock, observe }: KmsConnection): KmsService {
  const target = `unix://${endpoint.slice('unix://'.length)}`;
  const client = new Client(target, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.use_local_subchannel_pool': 1,
    // A service that was away for long is found soon after it is back.
    'grpc.max_reconnect_backoff_ms': 3_000,
  });
  const call = <Request, Response>({ path, request, response }: KmsMethod<Request, Response>, message: Request): Promise<Response> =>
    new Promise((resolve, reject) => {
      const encode = (value: Request): Buffer => Buffer.from(request.encode(value));
      const decode = (bytes: Buffer): Response => response.decode(bytes);
      const since = clock.monotonic();
      client.makeUnaryRequest(
        path,
        encode,
        decode,
        message,
        new Metadata({ waitForReady: true }),
        { deadline: clock.now() + timeoutMs },
        (error, answer) => {
          observe(path, clock.monotonic() - since, error ?? undefined);
          if (error !== null) reject(new Error(wordsOf(error), { cause: error }));
          else resolve(answer as Response);
        },
      );
    });
  return {
    status: () => call(KMS_METHODS.status, {}),
    wrap: (plaintext, uid) => call(KMS_METHODS.wrap, { plaintext, uid }),
    unwrap: async (key, uid) => (await call(KMS_METHODS.unwrap, { ...key, uid })).plaintext,
    close: () => client.close(),
  };
}
