// A real etcd on loopback, empty, gone with the test.
import { type Running, start } from './command.ts';
import { freePorts } from './ports.ts';
import type { Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

/** Paths of PEM files. With them etcd takes only clients that show a certificate of that authority. */
export interface EtcdTls {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Etcd {
  /** `http://127.0.0.1:PORT`, or https. */
  readonly endpoint: string;
  readonly dataFolder: string;
  /** The process that runs now. */
  readonly process: Running;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the same data and endpoint, after `kill`. */
  restart(): Promise<void>;
}

/** Another program may take a port between its choice and its use. */
const TRIES = 3;

/** Resolves when etcd answers clients. `args` are further flags of etcd. */
export async function startEtcd(owner: Owner, options: { readonly tls?: EtcdTls; readonly args?: readonly string[] } = {}): Promise<Etcd> {
  for (let tried = 1; ; tried++) {
    const dataFolder = temporaryFolder(owner);
    const [client = 0, peer = 0] = await freePorts(2);
    const endpoint = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${client}`;
    const args = [...flags(endpoint, `http://127.0.0.1:${peer}`, dataFolder, options.tls), ...(options.args ?? [])];
    try {
      let running = await serving(owner, args);
      return {
        endpoint,
        dataFolder,
        get process() {
          return running;
        },
        kill: () => running.stop('SIGKILL'),
        async restart() {
          running = await serving(owner, args);
        },
      };
    } catch (error) {
      if (tried === TRIES || !String(error).includes('address already in use')) throw error;
    }
  }
}

/** One etcd of `count` members. */
export async function startEtcdMembers(owner: Owner, count: number): Promise<readonly Etcd[]> {
  const peers = (await freePorts(count)).map((port) => `http://127.0.0.1:${port}`);
  const cluster = peers.map((peer, i) => `m${i}=${peer}`).join(',');
  return Promise.all(
    peers.map((peer, i) => {
      const args = [`--name=m${i}`, `--initial-cluster=${cluster}`, `--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`];
      return startEtcd(owner, { args });
    }),
  );
}

async function serving(owner: Owner, args: readonly string[]): Promise<Running> {
  const running = start(owner, 'etcd', args);
  await running.line(/"msg":"serving client traffic/);
  return running;
}

function flags(endpoint: string, peer: string, dataFolder: string, tls: EtcdTls | undefined): string[] {
  return [
    `--data-dir=${dataFolder}`,
    '--name=test',
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`,
    '--logger=zap',
    '--log-outputs=stderr',
    ...(tls === undefined
      ? []
      : ['--client-cert-auth', `--trusted-ca-file=${tls.ca}`, `--cert-file=${tls.certificate}`, `--key-file=${tls.key}`]),
  ];
}
