// Plugins over real sockets, as pods of a DaemonSet would run them.
import { Server } from '@grpc/grpc-js';
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
