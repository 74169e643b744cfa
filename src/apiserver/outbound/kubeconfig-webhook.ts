// A web service named by a kubeconfig file: how token, authorization and audit webhooks are configured.
// Source: apiserver pkg/util/webhook webhook.go LoadKubeconfig, GenericWebhook.
import { readFileSync } from 'node:fs';
import { parseKubeconfig, selectContext, type UserEntry } from '#client/kubeconfig/kubeconfig.ts';
import type { Address, Outbound, Trust } from './contract.ts';
import { jsonOf } from './json-answer.ts';

export interface KubeconfigWebhook {
  /**
   * The JSON of the answer; undefined for an empty one.
   * @throws OutboundError without a usable answer; StatusError for one that is no success
   */
  post(body: string, call: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<unknown>;
}

/** @throws KubeconfigError, Error when a file cannot be read or the file names no https server */
export function kubeconfigWebhook(path: string, outbound: Outbound): KubeconfigWebhook {
  const { cluster, user } = selectContext(parseKubeconfig(readFileSync(path, 'utf8'), path));
  const { hostname, port, protocol, href } = new URL(cluster.server);
  if (protocol !== 'https:') throw new Error(`${path}: the server ${cluster.server} must be reached by https`);
  const address: Address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) };
  const text = (data: string | undefined, file: string | undefined): string | undefined =>
    data !== undefined ? Buffer.from(data, 'base64').toString() : file === undefined ? undefined : readFileSync(file, 'utf8');
  const ca = text(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const certificate = text(user['client-certificate-data'], user['client-certificate']);
  const key = text(user['client-key-data'], user['client-key']);
  const serverName = cluster['tls-server-name'];
  const trust: Trust = {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipVerify: true } : {}),
    ...(certificate === undefined || key === undefined ? {} : { client: { certificate, key } }),
  };
  const authorization = credentials(user);
  const headers = { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  return {
    async post(body, call) {
      const answer = await outbound.call({ method: 'POST', address, url: href, trust, headers, body, ...call });
      if (answer.status >= 200 && answer.status <= 299 && answer.body.length === 0) return undefined;
      return jsonOf(href, answer);
    },
  };
}

function credentials({ token, tokenFile, username, password }: UserEntry): string | undefined {
  const bearer = token ?? (tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim());
  if (bearer !== undefined) return `Bearer ${bearer}`;
  return username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}
