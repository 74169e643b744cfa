// One API server of the test's own, as a process that can be killed, with its certificates and its administrator. Importing
// this isolates the test file.
import './isolated.ts';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import type { Transport } from '#client/contract.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { serverLeaves } from '#cluster/pki/inventory.ts';
import { Pki } from '#cluster/pki/store.ts';
import { type Running, start } from './command.ts';
import { freePorts } from './ports.ts';
import { defer, type Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cluster', 'main.ts');

export interface ApiServerProcess {
  readonly process: Running;
  /** A connection of its own, as an administrator; closed when the test ends. */
  connect(): Transport;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the same data and address, after `kill`; resolves when it serves. */
  restart(): Promise<void>;
}

/** Keys and certificates of a control plane at 127.0.0.1. */
export async function controlPlanePki(owner: Owner): Promise<Pki> {
  const pki = new Pki(join(temporaryFolder(owner), 'pki'), { clock: systemClock, ids: randomIds });
  for (const name of ['ca', 'front-proxy-ca'] as const) await pki.ensureAuthority(name);
  pki.ensureServiceAccountKey();
  const subjects = { nodeName: 'boat', nodeIP: '127.0.0.1', serviceIP: '10.96.0.1', clusterDomain: 'cluster.local', extraNames: [] };
  for (const leaf of serverLeaves(subjects)) await pki.ensureLeaf(leaf);
  return pki;
}

/** Resolves when it serves. `flags` are further ones of `proa apiserver`. */
export async function startApiServer(owner: Owner, pki: Pki, flags: readonly string[] = []): Promise<ApiServerProcess> {
  const [port = 0] = await freePorts(1);
  const file = (flag: string, path: string): string => `--${flag}=${path}`;
  const args = [
    'apiserver',
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    file('data-dir', join(temporaryFolder(owner), 'store')),
    file('tls-cert-file', pki.certificatePath('apiserver')),
    file('tls-private-key-file', pki.keyPath('apiserver')),
    file('client-ca-file', pki.certificatePath('ca')),
    file('requestheader-client-ca-file', pki.certificatePath('front-proxy-ca')),
    file('proxy-client-cert-file', pki.certificatePath('front-proxy-client')),
    file('proxy-client-key-file', pki.keyPath('front-proxy-client')),
    file('service-account-signing-key-file', pki.keyPath('sa')),
    file('kubelet-client-certificate', pki.certificatePath('apiserver-kubelet-client')),
    file('kubelet-client-key', pki.keyPath('apiserver-kubelet-client')),
    file('kubelet-certificate-authority', pki.certificatePath('ca')),
    ...flags,
  ];
  const launch = async (): Promise<Running> => {
    const running = start(owner, process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args]);
    await running.line(/the API server runs/);
    return running;
  };
  let running = await launch();
  const admin = pki.read('admin');
  return {
    get process() {
      return running;
    },
    connect() {
      const transport = httpsTransport({
        server: `https://127.0.0.1:${port}`,
        ca: { pem: pki.certificate('ca') },
        credentials: fixedCredentials({ certificate: { cert: admin.certificate, key: admin.key } }),
        clock: systemClock,
        logger: silentLogger,
      });
      defer(owner, () => transport.close());
      return transport;
    },
    kill: () => running.stop('SIGKILL'),
    async restart() {
      running = await launch();
    },
  };
}
