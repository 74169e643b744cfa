// GET /proa/why/namespaces/NAMESPACE/pods/NAME: an Explanation, read with the rights of the one who asks.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { selfsubjectaccessreviews } from '#api/resources.ts';
import type { UserInfo } from '#apiserver/authentication/contract.ts';
import type { Route } from '#apiserver/routes/contract.ts';
import { json } from '#apiserver/routes/text.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { type KubeletCredentials, KubeletMetricsClient } from '#metrics/kubelet-client.ts';
import { explain, type WhyDeps } from './explain.ts';

export const WHY_PATH = '/proa/why';

export interface WhyRouteDeps {
  /** As of WhyDeps. */
  readonly schedulerConfig?: unknown;
  readonly loopback: (user: UserInfo) => Transport;
  readonly credentials: () => KubeletCredentials;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

const PATH = /^\/namespaces\/([^/]+)\/pods\/([^/]+)$/;
const LOG_LINES = 5;

/** RBAC: `get` of the path, and of whatever is read for the answer: what ClusterRole proa:why allows. */
export function whyRoute({ loopback, credentials, clock, ids, logger, schedulerConfig }: WhyRouteDeps): Route {
  const kubelets = new KubeletMetricsClient(credentials);
  return {
    path: WHY_PATH,
    match: 'prefix',
    listed: true,
    async handle({ request: { info, user, signal } }) {
      const [, namespace, name] = PATH.exec(info.path.slice(WHY_PATH.length)) ?? [];
      if (namespace === undefined || name === undefined) {
        throw new StatusError('NotFound', `the path is ${WHY_PATH}/namespaces/NAMESPACE/pods/NAME`);
      }
      const client = createClient(loopback(user));
      const log: WhyDeps['log'] = async (pod, node, container, run) => {
        if (!(await mayReadLogs(client, namespace))) return '';
        const query = `tailLines=${LOG_LINES}${run === 'previous' ? '&previous=true' : ''}`;
        try {
          return (
            await kubelets.fetchText(node, `/containerLogs/${namespace}/${pod.metadata.name}/${container}?${query}`, signal)
          ).trimEnd();
        } catch (error) {
          // The node may be gone, or the log with its container: the answer goes without.
          logger.debug('no log to explain a pod with', { pod: `${namespace}/${name}`, container, error });
          return '';
        }
      };
      return json(await explain(namespace, name, { client, log, clock, ids, logger, schedulerConfig }));
    },
  };
}

async function mayReadLogs(client: Client, namespace: string): Promise<boolean> {
  const resourceAttributes = { namespace, verb: 'get', resource: 'pods', subresource: 'log' };
  const { status } = await client.create(selfsubjectaccessreviews, { spec: { resourceAttributes } });
  return status?.allowed === true;
}
