// Exec, attach and port-forward: the runtime is asked for a session, and the client's connection is joined to it.
// Source: pkg/kubelet/server getExec, getAttach, getPortForward; kubelet_pods.go GetExec, GetAttach, GetPortForward.
import type { Pod } from '#api/types.ts';
import {
  NO_STREAMS,
  offeredProtocols,
  streamOptions,
  CLOSING_PROTOCOL,
  TUNNEL_PROTOCOL,
  type StreamOptions,
} from '../streaming/channels.ts';
import { NotUpgraded } from '../streaming/dial.ts';
import { relay } from '../streaming/relay.ts';
import { translateCommand } from '../streaming/remote-command.ts';
import { tunnelPortForward } from '../streaming/tunnel.ts';
import type { Upgrade } from '#base/websocket.ts';
import { Refusal } from './answers.ts';
import type { KubeletHost } from './contract.ts';

export interface SessionRequest {
  readonly namespace: string;
  readonly pod: string;
  /** Empty when any instance of that name is meant. */
  readonly uid: string;
  /** Empty for port-forward. */
  readonly container: string;
  readonly query: URLSearchParams;
}

export type Session = (asked: SessionRequest, upgrade: Upgrade, host: KubeletHost) => Promise<void>;

/** Resolves when the session has ended. @throws Refusal, CriError */
export const exec: Session = async (asked, upgrade, host) => {
  const options = optionsOf(asked.query);
  const pod = podOf(asked, host);
  const containerId = await host.runningContainer(instanceOf(asked, pod), asked.container);
  if (containerId === undefined) throw new Refusal(500, `container not found ("${asked.container}")`);
  const cmd = asked.query.getAll('command');
  const { url } = await host.cri.runtime.exec({ containerId, cmd, ...options });
  await command(upgrade, url, options);
};

/** Resolves when the session has ended. @throws Refusal, CriError */
export const attach: Session = async (asked, upgrade, host) => {
  const options = optionsOf(asked.query);
  const pod = podOf(asked, host);
  const containerId = await host.runningContainer(instanceOf(asked, pod), asked.container);
  if (containerId === undefined)
    throw new Refusal(500, `container ${asked.container} not found in pod ${pod.metadata.name}_${pod.metadata.namespace}`);
  // The terminal is the container's: what the client thinks of it does not count.
  const tty = host.hasTty(pod, asked.container);
  const agreed = { ...options, tty, stderr: options.stderr && !tty };
  const { url } = await host.cri.runtime.attach({ containerId, ...agreed });
  await command(upgrade, url, agreed);
};

/** Resolves when the session has ended. @throws Refusal, CriError */
export const portForward: Session = async (asked, upgrade, host) => {
  const tunnelled = offers(upgrade, TUNNEL_PROTOCOL);
  const port = tunnelled || !isWebSocket(upgrade) ? [] : portsOf(asked.query);
  const pod = podOf(asked, host);
  if (asked.uid !== '' && host.pod(asked.namespace, asked.pod, asked.uid) === undefined) throw new Refusal(404, 'pod not found');
  const podSandboxId = await host.readySandbox(pod);
  if (podSandboxId === undefined)
    throw new Refusal(500, `failed to find sandboxID for pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`);
  const { url } = await host.cri.runtime.portForward({ podSandboxId, port });
  await refusing(tunnelled ? tunnelPortForward(upgrade, url) : relay(upgrade, url));
};

function command(upgrade: Upgrade, url: string, options: StreamOptions): Promise<void> {
  return refusing(offers(upgrade, CLOSING_PROTOCOL) ? translateCommand(upgrade, url, options) : relay(upgrade, url));
}

/** The runtime's refusal, as it said it. */
async function refusing(session: Promise<void>): Promise<void> {
  try {
    await session;
  } catch (error) {
    throw error instanceof NotUpgraded ? new Refusal(error.code, error.message) : error;
  }
}

function podOf({ namespace, pod: name }: SessionRequest, host: KubeletHost): Pod {
  const pod = host.pod(namespace, name);
  if (pod === undefined) throw new Refusal(404, 'pod does not exist');
  return pod;
}

/** Another instance's uid finds no container. */
const instanceOf = ({ uid }: SessionRequest, pod: Pod): Pod =>
  uid === '' || uid === pod.metadata.uid ? pod : { ...pod, metadata: { ...pod.metadata, uid } };

function optionsOf(query: URLSearchParams): StreamOptions {
  const options = streamOptions(query);
  if (options === undefined) throw new Refusal(400, NO_STREAMS);
  return options;
}

const isWebSocket = ({ request }: Upgrade): boolean => request.headers.upgrade?.toLowerCase() === 'websocket';

const offers = (upgrade: Upgrade, protocol: string): boolean =>
  isWebSocket(upgrade) && offeredProtocols(upgrade.request.headers['sec-websocket-protocol']).includes(protocol);

/** Source: cri-streaming portforward NewV4Options. */
function portsOf(query: URLSearchParams): readonly number[] {
  const texts = query.getAll('port').flatMap((each) => each.split(','));
  if (texts.length === 0) throw new Refusal(400, 'query parameter "port" is required');
  return texts.map((text) => {
    if (!/^\d+$/.test(text) || Number(text) > 65_535)
      throw new Refusal(400, `unable to parse "${text}" as a port: strconv.ParseUint: parsing "${text}": invalid syntax`);
    if (Number(text) < 1) throw new Refusal(400, `port "${text}" must be > 0`);
    return Number(text);
  });
}
