// A key management service for tests: wraps by XOR, counts what it is asked, and can be sick or have a new key.
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { KMS_METHODS, type KmsMethod, type WrappedKey } from '../kms/service.ts';

export interface KmsPlugin {
  keyId: string;
  healthz: string;
  version: string;
  /** Answers nothing any more. */
  silent: boolean;
  /** What it gives for a key, over what it should. */
  lie: Partial<WrappedKey>;
  /** What it gives for every wrapped key, instead of the key. */
  unwrapped: Uint8Array | undefined;
  readonly calls: { wrap: number; unwrap: number };
  stop(): Promise<void>;
}

const MASK = 0x5a;
const masked = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => byte ^ MASK));

/** @param socket path */
export async function startKmsPlugin(socket: string): Promise<KmsPlugin> {
  const server = new Server();
  const plugin: KmsPlugin = {
    keyId: 'key-1',
    healthz: 'ok',
    version: 'v2',
    silent: false,
    lie: {},
    unwrapped: undefined,
    calls: { wrap: 0, unwrap: 0 },
    stop: async () => server.forceShutdown(),
  };
  const unary = <Request, Response>({ path, request, response }: KmsMethod<Request, Response>, answer: (asked: Request) => Response) => ({
    definition: {
      path,
      requestStream: false as const,
      responseStream: false as const,
      requestSerialize: (value: Request) => Buffer.from(request.encode(value)),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: (value: Response) => Buffer.from(response.encode(value)),
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    },
    handle: (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>) => {
      if (!plugin.silent) done(null, answer(call.request));
    },
  });
  const status = unary(KMS_METHODS.status, () => ({ version: plugin.version, healthz: plugin.healthz, keyId: plugin.keyId }));
  const wrap = unary(KMS_METHODS.wrap, ({ plaintext }) => {
    plugin.calls.wrap++;
    return { ciphertext: masked(plaintext), keyId: plugin.keyId, annotations: { 'version.example.com': Buffer.from('1') }, ...plugin.lie };
  });
  const unwrap = unary(KMS_METHODS.unwrap, ({ ciphertext }) => {
    plugin.calls.unwrap++;
    return { plaintext: plugin.unwrapped ?? masked(ciphertext) };
  });
  server.addService(
    { status: status.definition, wrap: wrap.definition, unwrap: unwrap.definition },
    { status: status.handle, wrap: wrap.handle, unwrap: unwrap.handle },
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error)));
  });
  return plugin;
}
