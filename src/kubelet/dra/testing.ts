// A driver of dynamic resources over a real socket, as a DaemonSet's pod would run one.
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { defer, type Owner } from '#test/harness/scope.ts';
import { type ClaimReference, type PluginInfo, pluginCodec, type PreparedClaim, type RegistrationStatus } from '../plugins/plugin-api.ts';

export interface FakeDriver {
  readonly name: string;
  /** Calls in order: `prepare gpu`, with the names of claims. */
  readonly calls: readonly string[];
  /** Resolves with what the kubelet said of the registration, the next time it does. */
  registered(): Promise<RegistrationStatus>;
  /** Instead of one device a claim, `vendor.test/gpu=<uid of the claim>`. */
  answer(prepare: (claim: ClaimReference) => PreparedClaim | undefined): void;
  /** How claims are taken back: empty, or why not. */
  refuse(error: string): void;
  /** Its sockets go, as when its pod is deleted. */
  stop(): Promise<void>;
}

export interface FakeDriverOptions {
  /** `plugins_registry` of the kubelet. */
  readonly registry: string;
  /** Where its working socket lies. */
  readonly folder: string;
  readonly name?: string;
  readonly type?: string;
  readonly versions?: readonly string[];
}

const asIs = (bytes: Buffer): Buffer => bytes;

type Handle = (request: never) => object | Error;

/** Service name to method name to messages and handler. */
function service(server: Server, name: string, methods: Readonly<Record<string, readonly [string, string, Handle]>>): void {
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
          const answer = handle(pluginCodec.message(request).decode(bytes) as never);
          if (answer instanceof Error) done({ code: status.INTERNAL, details: answer.message });
          else done(null, pluginCodec.message(response).encode(answer));
        },
      ]),
    ) as never,
  );
}

async function listen(server: Server, socket: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error === null ? resolve() : reject(error))),
  );
}

/** Resolves when both of its sockets are there: it has not been registered then. */
export async function startDriver(owner: Owner, options: FakeDriverOptions): Promise<FakeDriver> {
  const { registry, folder, name = 'gpu.vendor.test', type = 'DRAPlugin', versions = ['v1.DRAPlugin'] } = options;
  const endpoint = join(folder, `${name}.sock`);
  const calls: string[] = [];
  let prepareOne = ({ uid }: ClaimReference): PreparedClaim | undefined => ({
    devices: [{ requestNames: [], poolName: 'pool', deviceName: 'gpu-0', cdiDeviceIds: [`vendor.test/gpu=${uid}`] }],
    error: '',
  });
  let refusal = '';
  let news = Promise.withResolvers<RegistrationStatus>();

  const registration = new Server();
  const info: PluginInfo = { type, name, endpoint, supportedVersions: versions };
  service(registration, 'pluginregistration.Registration', {
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
  const work = new Server();
  const noted = (verb: string, claims: readonly ClaimReference[]): unknown =>
    calls.push(`${verb} ${claims.map((each) => each.name).join(' ')}`);
  for (const version of ['v1', 'v1beta1'])
    service(work, `k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin`, {
      NodePrepareResources: [
        'Claims',
        'Prepared',
        ({ claims }: { readonly claims: readonly ClaimReference[] }) => {
          noted('prepare', claims);
          const answers = claims.map((claim) => [claim.uid, prepareOne(claim)] as const).filter(([, answer]) => answer !== undefined);
          return { claims: Object.fromEntries(answers) };
        },
      ],
      NodeUnprepareResources: [
        'Claims',
        'Unprepared',
        ({ claims }: { readonly claims: readonly ClaimReference[] }) => {
          noted('unprepare', claims);
          return { claims: Object.fromEntries(claims.map(({ uid }) => [uid, { error: refusal }])) };
        },
      ],
    });
  await listen(work, endpoint);
  await listen(registration, join(registry, `${name}-reg.sock`));
  const stop = async (): Promise<void> => {
    for (const server of [registration, work]) server.forceShutdown();
  };
  defer(owner, stop);
  return {
    name,
    calls,
    registered: () => news.promise,
    answer: (prepare) => void (prepareOne = prepare),
    refuse: (error) => void (refusal = error),
    stop,
  };
}
