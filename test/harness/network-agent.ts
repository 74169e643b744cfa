// A program that answers and asks over the network on command, as a pod: what a walk needs to see packets from inside.
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Node, Pod } from '#api/types.ts';
import { isConditionTrue } from '#api/conditions.ts';
import type { PodSet } from './pods.ts';

const IMAGE = { name: 'example.test/agent:1', programs: ['node', 'sh', 'cat'] } as const;
const PROGRAM = readFileSync(new URL('network-agent/program.ts', import.meta.url), 'utf8');

export const importAgentImage = <T>(into: { importImage(spec: typeof IMAGE): Promise<T> }): Promise<T> => into.importImage(IMAGE);

/** Longest an agent may take: the resolver behind it asks more than once. Milliseconds. */
const ANSWER_MS = 20_000;

export interface AgentPod {
  readonly name: string;
  readonly ip: string;
  /** Its address of the other family; empty where it has none. */
  readonly ip2: string;
  readonly pod: Pod;
  /** The text at this path of the agent itself, asked from the test's own machine. */
  get(path: string): Promise<string>;
  /** What each of `times` connections to `url` is answered, or the error's code; `from` is the address they come from. */
  ask(url: string, options?: { readonly times?: number; readonly from?: string }): Promise<readonly string[]>;
  /** As `ask`, over UDP: the name of the pod that answers. */
  udp(host: string, port: number, times?: number): Promise<readonly string[]>;
  /** Addresses of `name` of a family as programs find them, search domains and all; or the error's code. */
  lookup(name: string, family?: 4 | 6): Promise<string>;
  /** Records of an absolute name, or the error's code. */
  resolve(type: string, name: string): Promise<unknown>;
}

export interface AgentPodSpec {
  readonly name: string;
  /** Absent: wherever the scheduler wants it. */
  readonly node?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: readonly object[];
  /** Never passes its probe: the pod runs and is not Ready. */
  readonly unready?: boolean;
  /** Seconds for which it goes on after its end was asked for. */
  readonly lingers?: number;
  /** Further fields of the pod's spec. */
  readonly spec?: object;
}

/** Makes these pods; resolves once all of them serve. @throws DeadlineExceeded */
export function startAgents(set: PodSet, specs: readonly AgentPodSpec[]): Promise<readonly AgentPod[]> {
  return Promise.all(
    specs.map(async ({ name, node, labels = {}, env = {}, ports = [], unready = false, lingers, spec = {} }) => {
      const container = {
        name: 'agent',
        image: IMAGE.name,
        imagePullPolicy: 'Never' as const,
        command: ['node', '--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', PROGRAM],
        ports,
        env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
        startupProbe: { httpGet: { port: 8080, path: '/hostname' }, periodSeconds: 1, failureThreshold: 60 },
        ...(unready ? { readinessProbe: { httpGet: { port: 9, path: '/' } } } : {}),
        ...(lingers === undefined ? {} : { lifecycle: { preStop: { sleep: { seconds: lingers } } } }),
      };
      const place = node === undefined ? {} : { nodeName: node };
      await set.run(name, { ...place, terminationGracePeriodSeconds: 1, containers: [container], ...spec }, { labels });
      const pod = await set.until(name, ({ status }) =>
        unready ? status.containerStatuses?.[0]?.started === true : isConditionTrue(status.conditions, 'Ready'),
      );
      return agentPod(pod);
    }),
  );
}

function agentPod(pod: Pod): AgentPod {
  const { podIP: ip = '', podIPs = [] } = pod.status;
  // Each on a connection of its own: one that was kept may be closed by the agent just when it is used again.
  const get = async (path: string): Promise<string> => {
    const options = { agent: false, signal: AbortSignal.timeout(ANSWER_MS) };
    return text(
      await new Promise<IncomingMessage>((done, fail) =>
        request(`http://${urlHost(ip)}:8080${path}`, options, done)
          .on('error', fail)
          .end(),
      ),
    );
  };
  const query = (values: object): string => new URLSearchParams(Object.entries(values) as [string, string][]).toString();
  return {
    name: pod.metadata.name,
    ip,
    ip2: podIPs[1]?.ip ?? '',
    pod,
    get,
    ask: async (url, { times = 1, from } = {}) =>
      (await get(`/ask?${query({ url, times, ...(from === undefined ? {} : { from }) })}`)).split('\n'),
    udp: async (host, port, times = 1) => (await get(`/udp?${query({ host, port, times })}`)).split('\n'),
    lookup: (name, family = 4) => get(`/lookup?${query({ name, family })}`),
    resolve: async (type, name) => JSON.parse(await get(`/resolve?${query({ type, name })}`)) as unknown,
  };
}

/** As in a URL: IPv6 in brackets. */
export const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** The address of this node that pods and other nodes reach it by. */
export const addressOf = ({ status }: Node): string => status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
