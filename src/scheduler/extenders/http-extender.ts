// One extender over HTTP: asked with a deadline, its answer bounded and checked. Source: pkg/scheduler/extender.go HTTPExtender.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as requestPlain } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import type { Clock } from '#base/clock.ts';
import { GatheredBytes } from '#base/gathered-bytes.ts';
import type { Node, Pod } from '#api/types.ts';
import type { NodeVictims } from '../framework/plugin.ts';
import {
  AnswerFault,
  type FilterAnswer,
  type MetaVictims,
  nodeArgs,
  preemptionArgs,
  readBindingAnswer,
  readFilterAnswer,
  readPreemptionAnswer,
  readPriorities,
} from './wire.ts';

export interface ExtenderConfig {
  readonly urlPrefix: string;
  /** '' where the extender does not do it. */
  readonly filterVerb: string;
  readonly preemptVerb: string;
  readonly prioritizeVerb: string;
  readonly bindVerb: string;
  /** Of its scores. */
  readonly weight: number;
  readonly tls: ExtenderTls | undefined;
  readonly timeoutMs: number;
  /** It is told names of nodes only. */
  readonly nodeCacheCapable: boolean;
  /** Names of resources; only pods that ask for one of them concern it. None: every pod does. */
  readonly managedResources: readonly string[];
  /** Scheduling goes on without it when it fails. */
  readonly ignorable: boolean;
}

/** PEM, or the file it is in. */
export type Pem = { readonly pem: string } | { readonly file: string };

export interface ExtenderTls {
  readonly verify: boolean;
  readonly serverName?: string;
  readonly ca?: Pem;
  readonly certificate?: Pem;
  readonly key?: Pem;
}

/** Whether the extender is asked about the pod at all. Source: HTTPExtender.IsInterested. */
export function concerns({ managedResources }: Pick<ExtenderConfig, 'managedResources'>, { spec }: Pod): boolean {
  if (managedResources.length === 0) return true;
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources }) =>
    managedResources.some((name) => resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined),
  );
}

/** It did not answer, or not as it should. */
export class ExtenderError extends Error {
  override readonly name = 'ExtenderError';
}

/** Bytes of an answer: the objects of all nodes may be in it. */
const MOST_ANSWER = 64 << 20;
const CONNECTIONS = 16;

export class HttpExtender {
  readonly config: ExtenderConfig;
  readonly #clock: Clock;
  readonly #agent: HttpAgent;

  /** @throws Error when a file of its TLS configuration cannot be read */
  constructor(config: ExtenderConfig, clock: Clock) {
    this.config = config;
    this.#clock = clock;
    const options = { keepAlive: true, maxSockets: CONNECTIONS };
    this.#agent = isHttps(config) ? new HttpsAgent({ ...options, ...tlsOptions(config.tls) }) : new HttpAgent(options);
  }

  isInterestedIn(pod: Pod): boolean {
    return concerns(this.config, pod);
  }

  /** @throws ExtenderError */
  async filter(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<FilterAnswer> {
    const { filterVerb, nodeCacheCapable } = this.config;
    const read = (body: unknown): FilterAnswer => readFilterAnswer(body, nodeCacheCapable);
    const answer = await this.#ask(filterVerb, nodeArgs(pod, nodes, nodeCacheCapable), read, signal);
    const known = new Set(nodes.map(({ metadata }) => metadata.name));
    const stranger = answer.passed.find((name) => !known.has(name));
    if (stranger !== undefined) {
      throw new ExtenderError(
        `extender "${this.config.urlPrefix}" claims a filtered node "${stranger}" which is not found in the input node list`,
      );
    }
    return answer;
  }

  /** Scores by node. @throws ExtenderError */
  prioritize(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, nodeCacheCapable } = this.config;
    return this.#ask(prioritizeVerb, nodeArgs(pod, nodes, nodeCacheCapable), readPriorities, signal);
  }

  /** @throws ExtenderError */
  preempt(pod: Pod, candidates: readonly NodeVictims[], signal: AbortSignal): Promise<ReadonlyMap<string, MetaVictims>> {
    const { preemptVerb, nodeCacheCapable } = this.config;
    return this.#ask(preemptVerb, preemptionArgs(pod, candidates, nodeCacheCapable), readPreemptionAnswer, signal);
  }

  /** @throws ExtenderError */
  bind({ metadata: { name, namespace, uid } }: Pod, node: string, signal: AbortSignal): Promise<void> {
    const args = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node };
    return this.#ask(this.config.bindVerb, args, readBindingAnswer, signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #ask<T>(verb: string, args: unknown, read: (answer: unknown) => T, signal: AbortSignal): Promise<T> {
    const url = `${this.config.urlPrefix.replace(/\/+$/, '')}/${verb}`;
    try {
      const { code, body } = await this.#post(url, JSON.stringify(args), signal);
      if (code !== 200) throw new ExtenderError(`failed ${verb} with extender at URL ${url}, code ${code}`);
      return read(JSON.parse(body));
    } catch (error) {
      if (error instanceof AnswerFault || error instanceof SyntaxError) throw new ExtenderError(error.message);
      throw error;
    }
  }

  #post(url: string, body: string, signal: AbortSignal): Promise<{ readonly code: number; readonly body: string }> {
    const { timeoutMs } = this.config;
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const send = isHttps(this.config) ? requestTls : requestPlain;
      let sent: ClientRequest;
      try {
        sent = send(url, { method: 'POST', headers, agent: this.#agent, signal });
      } catch (error) {
        return reject(new ExtenderError(`Post "${url}": ${(error as Error).message}`));
      }
      const cancel = this.#clock.after(timeoutMs, () => sent.destroy(new Error('context deadline exceeded')));
      const failed = (error: Error): void => {
        cancel();
        reject(new ExtenderError(`Post "${url}": ${error.message}`));
      };
      sent.once('error', failed);
      sent.once('response', (response) => {
        readBody(response).then((text) => {
          cancel();
          resolve({ code: response.statusCode ?? 0, body: text });
        }, failed);
      });
      // Node ends such a request without a word where nobody listens for it.
      sent.once('upgrade', (response, socket) => {
        cancel();
        socket.destroy();
        resolve({ code: response.statusCode ?? 0, body: '' });
      });
      sent.end(body);
    });
  }
}

const isHttps = ({ urlPrefix }: ExtenderConfig): boolean => /^https:/i.test(urlPrefix);

function tlsOptions(tls: ExtenderTls | undefined): object {
  if (tls === undefined) return {};
  const { verify, serverName, ca, certificate, key } = tls;
  return {
    rejectUnauthorized: verify,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(ca === undefined ? {} : { ca: textOf(ca) }),
    ...(certificate === undefined ? {} : { cert: textOf(certificate) }),
    ...(key === undefined ? {} : { key: textOf(key) }),
  };
}

const textOf = (pem: Pem): string => ('pem' in pem ? pem.pem : readFileSync(pem.file, 'utf8'));

async function readBody(response: IncomingMessage): Promise<string> {
  const bytes = new GatheredBytes();
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes.add(part);
    if (bytes.length <= MOST_ANSWER) continue;
    response.destroy();
    throw new Error(`the answer has more than ${MOST_ANSWER} bytes`);
  }
  return bytes.whole().toString('utf8');
}
