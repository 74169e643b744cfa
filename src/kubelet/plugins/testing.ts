// Plugins over real sockets, as pods of a DaemonSet would run them.
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ProtoCodec } from '#base/protobuf/schema.ts';
import { pluginCodec, type PluginInfo, type RegistrationStatus } from './plugin-api.ts';

const asIs = (bytes: Buffer): Buffer => bytes;

/** An Error becomes the status that its `code` names, INTERNAL without. */
export type Handle = (request: never) => object | Error;

/** Service name to method name to messages and handler. */
export function service(
  server: Server,
  codec: ProtoCodec,
  name: string,
  methods: Readonly<Record<string, readonly [string, string, Handle]>>,
): void {
  const definition = Object.fromEntries(
    Object.keys(methods).map((method) => [
      method,
      {
        path: `/${name}/${method}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
  server.addService(
    definition,
    Object.fromEntries(
      Object.entries(methods).map(([method, [request, response, handle]]) => [
        method,
        ({ request: bytes }: { request: Buffer }, done: (error: object | null, answer?: Uint8Array) => void) => {
          const answer = handle(codec.message(request).decode(bytes) as never);
          if (answer instanceof Error)
            done({ code: (answer as { readonly code?: number }).code ?? status.INTERNAL, details: answer.message });
          else done(null, codec.message(response).encode(answer));
        },
      ]),
    ) as never,
  );
}

export async function listen(server: Server, socket: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))),
  );
}

export interface Registration {
  readonly server: Server;
  /** Resolves with what the kubelet said of the registration, the next time it does. */
  registered(): Promise<RegistrationStatus>;
}

/** The part of a plugin that registers: it listens once `listen` was called. */
export function registration(info: PluginInfo): Registration {
  const server = new Server();
  let news = Promise.withResolvers<RegistrationStatus>();
  service(server, pluginCodec, 'pluginregistration.Registration', {
    GetInfo: ['InfoRequest', 'PluginInfo', () => info],
    NotifyRegistrationStatus: [
      'RegistrationStatus',
      'RegistrationStatusResponse',
      (said: RegistrationStatus) => {
        news.resolve(said);
        news = Promise.withResolvers();
        return {};
      },
    ],
  });
  return { server, registered: () => news.promise };
}
