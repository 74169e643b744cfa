// The certificates of a node that joined: got by token the first time, renewed by themselves long before they end.
import { readFileSync } from 'node:fs';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import type { Client, Transport } from '#client/contract.ts';
import { createClient } from '#client/client.ts';
import { bearer, fileCredentials, fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { userAgent } from '#client/https/user-agent.ts';
import { SIGNER } from '#controllers/certificates/request-facts.ts';
import { USERS } from '../node/users.ts';
import type { Leaf } from '../pki/inventory.ts';
import { listOf } from '../settings/networks.ts';
import type { Pki } from '../pki/store.ts';
import { nameRefusal } from './refusals.ts';
import { type CertificateOrder, requestCertificate } from './request-certificate.ts';

export interface NodeIdentityDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface NodePlace {
  /** `https://host:port`. */
  readonly server: string;
  readonly nodeName: string;
  /** One address, or one of each family by comma. */
  readonly nodeIP: string;
}

/** Files of client certificates, and who each is. */
const COMPONENTS = {
  'kube-proxy': USERS.proxy.name,
  dns: USERS.dns.name,
  'pod-network': USERS.network.name,
  'local-path': USERS.localPath.name,
} as const;

export type NodeFile = 'kubelet-client' | 'kubelet-server' | keyof typeof COMPONENTS;

export class NodeIdentity {
  readonly pki: Pki;
  readonly #place: NodePlace;
  readonly #deps: NodeIdentityDeps;

  /** `pki` holds the cluster's authority as `ca.crt`. */
  constructor(pki: Pki, place: NodePlace, deps: NodeIdentityDeps) {
    this.pki = pki;
    this.#place = place;
    this.#deps = deps;
  }

  get joined(): boolean {
    return this.pki.holds('kubelet-client');
  }

  /** As the user of this certificate; a renewed one is used from the next request on. */
  transport(file: NodeFile): Transport {
    const { clock, logger } = this.#deps;
    const files = { certFile: this.pki.certificatePath(file), keyFile: this.pki.keyPath(file) };
    return httpsTransport({
      ...this.#base(),
      userAgent: userAgent(file.startsWith('kubelet') ? 'kubelet' : file),
      credentials: fileCredentials(files, clock, logger),
    });
  }

  /**
   * The node's own certificate, asked for with a bootstrap token.
   * @throws CommandError when the name is another machine's; CertificateRefused, StatusError, ConnectionError
   */
  async bootstrap(token: string): Promise<void> {
    const transport = httpsTransport({ ...this.#base(), credentials: fixedCredentials({ authorization: bearer(token) }) });
    try {
      const client = createClient(transport);
      const refusal = nameRefusal(await this.#namesake(client));
      if (refusal !== undefined) throw refusal;
      await this.#obtain(client, 'kubelet-client');
    } finally {
      await transport.close();
    }
  }

  async #namesake(client: Client): Promise<Node | undefined> {
    try {
      return await client.get(nodes, { name: this.#place.nodeName }, { signal: this.#deps.signal });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Client certificates of all components: what is missing or near its end. @returns whether any is new */
  async ensureClients(): Promise<boolean> {
    const client = createClient(this.transport('kubelet-client'));
    let renewed = false;
    for (const file of ['kubelet-client', 'kube-proxy', 'dns', 'pod-network', 'local-path'] as const) {
      if (await this.#ensure(client, file)) renewed = true;
    }
    return renewed;
  }

  /** What the kubelet serves with; granted once the node is registered with its addresses. @returns whether it is new */
  ensureServing(): Promise<boolean> {
    return this.#ensure(createClient(this.transport('kubelet-client')), 'kubelet-server');
  }

  async #ensure(client: Client, file: NodeFile): Promise<boolean> {
    if (!this.pki.needs(this.#leaf(file))) return false;
    await this.#obtain(client, file);
    return true;
  }

  async #obtain(client: Client, file: NodeFile): Promise<void> {
    await this.pki.keep(file, await requestCertificate(client, this.#order(file), this.#deps));
    this.#deps.logger.info('a certificate was issued to this node', { file: this.pki.certificatePath(file) });
  }

  #base() {
    const { clock, logger } = this.#deps;
    return { server: this.#place.server, ca: { pem: readFileSync(this.pki.certificatePath('ca'), 'utf8') }, clock, logger };
  }

  #order(file: NodeFile): CertificateOrder {
    const { nodeName, nodeIP } = this.#place;
    const node = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
    switch (file) {
      case 'kubelet-client':
        return { ...node, signerName: SIGNER.kubeletClient, usage: 'client auth' };
      case 'kubelet-server':
        return { ...node, signerName: SIGNER.kubeletServing, usage: 'server auth', dnsNames: [nodeName], ipAddresses: listOf(nodeIP) };
      default:
        return { signerName: SIGNER.client, usage: 'client auth', commonName: COMPONENTS[file], organizations: [] };
    }
  }

  #leaf(file: NodeFile): Leaf {
    const { commonName, organizations, dnsNames = [], ipAddresses = [], usage } = this.#order(file);
    const usages = usage === 'client auth' ? (['client'] as const) : (['server'] as const);
    return { file, issuer: 'ca', request: { commonName, organizations, dnsNames, ipAddresses, usages, validDays: 365 } };
  }
}
