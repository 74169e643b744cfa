// One API server of the test's own, as a process that can be killed, with its certificates and its administrator. Importing
// this isolates the test file.
import './isolated.ts';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import type { Transport } from '#client/contract.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { nodeLeaves, serverLeaves } from '#cluster/pki/inventory.ts';
import { Pki } from '#cluster/pki/store.ts';
import { type ComponentProcess, startComponent } from './component.ts';
import { freePorts } from './ports.ts';
import { defer, type Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

export interface ApiServerProcess extends ComponentProcess {
  /** `https://host:port`. */
  readonly server: string;
  /** A connection of its own, as an administrator; closed when the test ends. */
  connect(): Transport;
  /** What it answers at `path`, whatever the status. */
  text(path: string): Promise<string>;
}

/** Keys and certificates of a control plane at `nodeIP`, and of node `boat` there. */
export async function controlPlanePki(owner: Owner, nodeIP = '127.0.0.1'): Promise<Pki> {
  const pki = new Pki(join(temporaryFolder(owner), 'pki'), { clock: systemClock, ids: randomIds });
  for (const name of ['ca', 'front-proxy-ca'] as const) await pki.ensureAuthority(name);
  await pki.ensureServiceAccountKey();
  const subjects = { nodeName: 'boat', nodeIP, serviceIP: '10.96.0.1', clusterDomain: 'cluster.local', extraNames: [] };
  for (const leaf of [...serverLeaves(subjects), ...nodeLeaves(subjects)]) await pki.ensureLeaf(leaf);
  return pki;
}

/** Resolves when it serves. `flags` are further ones of `proa apiserver`. */
export async function startApiServer(
  owner: Owner,
  pki: Pki,
  flags: Readonly<Record<string, string>> = {},
  nodeIP = '127.0.0.1',
): Promise<ApiServerProcess> {
  const [port = 0] = await freePorts(1);
  const server = `https://${nodeIP}:${port}`;
  const component = await startComponent(
    owner,
    'apiserver',
    {
      'bind-address': nodeIP,
      'advertise-address': nodeIP,
      'secure-port': String(port),
      'data-dir': join(temporaryFolder(owner), 'store'),
      'tls-cert-file': pki.certificatePath('apiserver'),
      'tls-private-key-file': pki.keyPath('apiserver'),
      'client-ca-file': pki.certificatePath('ca'),
      'requestheader-client-ca-file': pki.certificatePath('front-proxy-ca'),
      'proxy-client-cert-file': pki.certificatePath('front-proxy-client'),
      'proxy-client-key-file': pki.keyPath('front-proxy-client'),
      'service-account-signing-key-file': pki.keyPath('sa'),
      'kubelet-client-certificate': pki.certificatePath('apiserver-kubelet-client'),
      'kubelet-client-key': pki.keyPath('apiserver-kubelet-client'),
      'kubelet-certificate-authority': pki.certificatePath('ca'),
      ...flags,
    },
    /the API server runs/,
  );
  const admin = pki.read('admin');
  return Object.assign(component, {
    server,
    connect() {
      const transport = httpsTransport({
        server,
        ca: { pem: pki.certificate('ca') },
        credentials: fixedCredentials({ certificate: { cert: admin.certificate, key: admin.key } }),
        clock: systemClock,
        logger: silentLogger,
      });
      defer(owner, () => transport.close());
      return transport;
    },
    async text(path: string) {
      const identity = { ca: pki.certificate('ca'), cert: admin.certificate, key: admin.key, agent: false };
      return text(await new Promise<IncomingMessage>((done, fail) => get(`${server}${path}`, identity, done).on('error', fail)));
    },
  });
}
