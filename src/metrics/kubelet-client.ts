// Reads a kubelet's metrics over HTTPS. Source: metrics-server pkg/scraper/client/resource/client.go.
import { Agent, request } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Node } from '#api/types.ts';
import { GatheredBytes } from '#base/gathered-bytes.ts';

/** PEM texts, read anew for each connection: certificates rotate. */
export interface KubeletCredentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const PATH = '/metrics/resource';
const DEFAULT_PORT = 10_250;
/** Bytes: a node of a thousand containers has about 300 KB. */
const MAX_BODY = 16 << 20;

/** Source: --kubelet-preferred-address-types. */
const ADDRESS_TYPES = ['InternalIP', 'Hostname', 'ExternalIP'];

export class KubeletMetricsClient {
  readonly #credentials: () => KubeletCredentials;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #context: { readonly of: KubeletCredentials; readonly context: SecureContext } | undefined;

  constructor(credentials: () => KubeletCredentials) {
    this.#credentials = credentials;
  }

  close(): void {
    this.#agent.destroy();
  }

  fetchMetrics(node: Node, signal: AbortSignal): Promise<string> {
    return this.fetchText(node, PATH, signal);
  }

  /** @throws Error when the node has no address, does not answer, or answers anything but 200 */
  fetchText({ metadata, status }: Node, path: string, signal: AbortSignal): Promise<string> {
    const host = ADDRESS_TYPES.map((type) => status.addresses?.find((address) => address.type === type)?.address).find(
      (address) => address !== undefined,
    );
    if (host === undefined) return Promise.reject(new Error(`node ${metadata.name} has no known address`));
    const port = status.daemonEndpoints?.kubeletEndpoint?.Port ?? DEFAULT_PORT;
    const credentials = this.#credentials();
    const { ca, certificate: cert, key } = credentials;
    // Connections and sessions of other credentials are not used again: the agent tells them apart by these texts.
    const tls = { ca, cert, key, secureContext: this.#secureContext(credentials) };
    return new Promise((resolve, reject) => {
      const call = request({ host, port, path, agent: this.#agent, ...tls, signal }, (response) => {
        const bytes = new GatheredBytes();
        response.on('data', (part: Buffer) => {
          bytes.add(part);
          if (bytes.length > MAX_BODY) call.destroy(new Error(`the kubelet's answer is longer than ${MAX_BODY} bytes`));
        });
        response.on('error', reject);
        response.on('end', () => {
          const text = bytes.whole().toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`the kubelet answered ${response.statusCode}: ${text.slice(0, 200).trim()}`));
        });
      });
      call.on('error', reject);
      // Node ends such a request without a word where nobody listens for it.
      call.once('upgrade', ({ statusCode }, socket) => {
        socket.destroy();
        reject(new Error(`the kubelet answered ${statusCode}`));
      });
      call.end();
    });
  }

  /** Made once for all nodes: reading the certificates costs more than the rest of a request. */
  #secureContext(of: KubeletCredentials): SecureContext {
    const { ca, certificate: cert, key } = of;
    const known = this.#context;
    if (known !== undefined && known.of.ca === ca && known.of.certificate === cert && known.of.key === key) return known.context;
    const context = createSecureContext({ ca, cert, key });
    this.#context = { of, context };
    return context;
  }
}
