// Plugins over real sockets, as pods of a DaemonSet would run them.
import { Server, type ServerWritableStream } from '@grpc/grpc-js';
import { addService } from './grpc-service.ts';
import { pluginCodec, type PluginInfo, type RegistrationStatus } from './plugin-api.ts';

export interface Registration {
  readonly server: Server;
  /** Resolves with what the kubelet said of the registration, the next time it does. */
  registered(): Promise<RegistrationStatus>;
}

/** The part of a plugin that registers: it listens once `listen` was called. */
export function registration(info: PluginInfo): Registration {
  const server = new Server();
  let news = Promise.withResolvers<RegistrationStatus>();
  addService(server, pluginCodec, 'pluginregistration.Registration', {
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

const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * A method `/SERVICE/NAME` that says to whoever calls it what is so now, `said` in bytes of protobuf, and again each time the
 * result is called.
 */
export function addStream(server: Server, service: string, name: string, said: () => Buffer): () => void {
  const listeners = new Set<ServerWritableStream<Buffer, Buffer>>();
  server.addService(
    {
      [name]: {
        path: `/${service}/${name}`,
        requestStream: false,
        responseStream: true,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    {
      [name](call: ServerWritableStream<Buffer, Buffer>) {
        listeners.add(call);
        call.on('cancelled', () => listeners.delete(call));
        call.write(said());
      },
    },
  );
  return () => {
    for (const listener of listeners) listener.write(said());
  };
}
