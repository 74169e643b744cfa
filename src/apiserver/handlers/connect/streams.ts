// pods/exec, pods/attach, pods/portforward: the upgraded connection goes on to the kubelet as it is.
import type { Pod } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Authorizer } from '../../authorization/contract.ts';
import type { CredentialsSource } from '../../kubelet/credentials.ts';
import { tunnel } from '../../kubelet/tunnel.ts';
import type { Query, RequestContext } from '../../request.ts';
import { attributesOf, forbiddenError } from '../../stages/authorization.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../../authentication/contract.ts';
import { isTrue } from '../../stages/request-info.ts';
import type { Handler } from '../dispatch.ts';
import { containerOf } from './containers.ts';
import { admitConnect, connected, kubeletOf, stream } from './connect.ts';

export interface StreamDeps {
  readonly credentials: CredentialsSource;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
}

type Streaming = 'exec' | 'attach' | 'portforward';

const KINDS: Readonly<Record<Streaming, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

export function streamHandler(what: Streaming, deps: StreamDeps): Handler {
  return async (operation, { registry }) => {
    const { request } = operation;
    await mayStream(request, deps.authorizer);
    const options = optionsOf(what, request.query);
    await admitConnect(operation, { group: '', version: 'v1', kind: KINDS[what] }, options, registry);
    const pod = await connected<Pod>(operation, registry);
    const target = kubeletOf(pod, registry, deps.credentials, kubeletPath(what, pod, request.query));
    return stream(async (exchange) => {
      if (exchange.upgrade === undefined) throw badRequest('Upgrade request required');
      await tunnel(exchange.upgrade, target, deps.clock, exchange.remoteAddress);
    });
  };
}

/**
 * A WebSocket begins with GET, yet runs commands: whoever opens one must be allowed to create.
 * Source: features.AuthorizePodWebsocketUpgradeCreatePermission.
 */
async function mayStream(request: RequestContext, authorizer: Authorizer): Promise<void> {
  if (request.info.verb === 'create' || request.user.groups.includes(SYSTEM_PRIVILEGED_GROUP)) return;
  const attributes = { ...attributesOf(request), verb: 'create' };
  const { decision, reason } = await authorizer.authorize(attributes, request);
  if (decision !== 'allow') throw forbiddenError(attributes, reason);
}

const FLAGS = ['stdin', 'stdout', 'stderr', 'tty'] as const;
/** How the kubelet names them. Source: api.ExecStdinParam, …. */
const KUBELET_FLAGS: Readonly<Record<(typeof FLAGS)[number], string>> = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };

function isSet(flag: (typeof FLAGS)[number], query: Query): boolean {
  const value = query.get(flag);
  return value === undefined ? false : isTrue(value);
}

/** What admission sees. */
function optionsOf(what: Streaming, query: Query): object {
  if (what === 'portforward') return { ports: portsOf(query) };
  const container = query.get('container') ?? '';
  const flags = Object.fromEntries(FLAGS.filter((flag) => isSet(flag, query)).map((flag) => [flag, true]));
  return { ...flags, ...(container === '' ? {} : { container }), ...(what === 'exec' ? { command: query.getAll('command') } : {}) };
}

const portsOf = (query: Query): readonly number[] =>
  query
    .getAll('ports')
    .map(Number)
    .filter((port) => Number.isInteger(port));

/** Source: streamLocation, PortForwardLocation. */
function kubeletPath(what: Streaming, pod: Pod, query: Query): string {
  const { namespace, name } = pod.metadata;
  const parameters = new URLSearchParams();
  if (what === 'portforward') {
    const ports = portsOf(query);
    if (ports.length > 0) parameters.append('port', ports.join(','));
    return `/portForward/${namespace}/${name}${suffix(parameters)}`;
  }
  const container = containerOf(pod, query.get('container') ?? '');
  for (const flag of FLAGS) if (isSet(flag, query)) parameters.append(KUBELET_FLAGS[flag], '1');
  if (what === 'exec') for (const command of query.getAll('command')) parameters.append('command', command);
  return `/${what}/${namespace}/${name}/${container}${suffix(parameters)}`;
}

const suffix = (parameters: URLSearchParams): string => (parameters.size === 0 ? '' : `?${parameters.toString()}`);
