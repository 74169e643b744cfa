// gRPC services on unix sockets: what this kubelet and, in tests, plugins answer.
import { type Server, type ServerUnaryCall, type sendUnaryData, ServerCredentials, status } from '@grpc/grpc-js';
import type { ProtoCodec } from '#base/protobuf/schema.ts';

const asIs = (bytes: Buffer): Buffer => bytes;

/** An Error that is given back or thrown becomes the status that its `code` names, UNKNOWN without, as in Go. */
export type Handle = (request: never) => object | Error | Promise<object | Error>;

/** Method name to messages of `codec` and handler. */
export type Methods = Readonly<Record<string, readonly [request: string, response: string, handle: Handle]>>;

export function addService(server: Server, codec: ProtoCodec, name: string, methods: Methods): void {
  const definition = Object.fromEntries(
    Object.keys(methods).map((method) => [
      method,
      {
        path: `/${name}/${method}`,
        requestStream: false as const,
        responseStream: false as const,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
  const handlers = Object.entries(methods).map(([method, [request, response, handle]]) => [
    method,
    async ({ request: bytes }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const answer = await answered(() => handle(codec.message(request).decode(bytes) as never));
      if (answer instanceof Error) done({ code: (answer as { readonly code?: number }).code ?? status.UNKNOWN, details: answer.message });
      else done(null, Buffer.from(codec.message(response).encode(answer)));
    },
  ]);
  server.addService(definition, Object.fromEntries(handlers));
}

async function answered(handle: () => ReturnType<Handle>): Promise<object | Error> {
  try {
    return await handle();
  } catch (error) {
    return error as Error;
  }
}

/** @throws Error when the socket cannot be made */
export async function listenOn(server: Server, socket: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))),
  );
}
