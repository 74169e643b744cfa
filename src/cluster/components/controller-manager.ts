// `proa controller-manager`.
import { hostname } from 'node:os';
import { createClient } from '#client/client.ts';
import { RequestMetrics } from '#client/https/request-metrics.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { userAgent } from '#client/https/user-agent.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import type { Transport } from '#client/contract.ts';
import { QueueMetrics } from '#client/workqueue/queue-metrics.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { unknownControllers } from '#controllers/runtime/controller-names.ts';
import { CommandError } from '../commands/command-error.ts';
import { runControllerManager } from '../node/deciders.ts';
import { clusterCIDRsOf, serviceCIDRsOf } from './cluster-cidrs.ts';
import { type ComponentContext, fileOf, runComponent, transportOf } from './context.ts';
import { CONFIGZ_NAME, controllerConfigz, type ControllerSettings } from './controller-configz.ts';
import { electionOf, electionSettings } from './election.ts';
import { Flags, type FlagValues } from './flags.ts';
import { gatesOf } from './gates.ts';
import { serveComponent } from './serving.ts';
import { tuningOf } from './tuning-flags.ts';
import { serviceAccountCredentials } from './service-account-credentials.ts';

/** Owns the fields that controllers write. */
const AGENT = 'kube-controller-manager';
const ACCOUNTS = 'system:serviceaccount:kube-system:';

export function controllerManager(given: FlagValues): Promise<void> {
  const flags = new Flags('controller-manager', given);
  return runComponent(flags, async (context) => {
    const { clock, ids, logger, signal, stops } = context;
    const selection = selectionOf(flags);
    const gates = gatesOf(flags, logger);
    const requests = new RequestMetrics();
    const own = transportOf(context, AGENT, requests);
    const { election, healthy, expose } = electionOf(flags);
    const transports = flags.isSet('use-service-account-credentials') ? accountTransports(own, requests, context) : () => own;
    stops.push(() => own.close());
    const [queues, metrics] = [new QueueMetrics(), new ControllerMetrics()];
    const told = configOf(flags, selection);
    await serveComponent(
      own,
      {
        component: AGENT,
        healthy,
        expose: () => queues.expose() + metrics.expose() + gates.expose() + expose() + requests.expose(),
        configz: { [CONFIGZ_NAME]: controllerConfigz(told) },
      },
      context,
    );
    const signing = flags.optional('cluster-signing-cert-file') !== undefined;
    const running = runControllerManager(
      {
        clusterCIDRs: told.clusterCIDRs,
        serviceCIDRs: told.serviceCIDRs,
        forceDetachOnTimeout: told.forceDetachOnTimeout,
        tuning: told.tuning,
        rootCA: fileOf(context, 'root-ca-file'),
        ...(signing
          ? {
              clusterSigning: {
                certificate: fileOf(context, 'cluster-signing-cert-file'),
                key: fileOf(context, 'cluster-signing-key-file'),
              },
            }
          : {}),
      },
      {
        transport: ({ name }) => transports(name.startsWith(ACCOUNTS) ? name.slice(ACCOUNTS.length) : undefined),
        identity: `${hostname()}_${ids.uuid()}`,
        ...(election === undefined ? {} : { election }),
        gates,
        queues,
        metrics,
        selection,
        clock,
        ids,
        logger,
        signal,
      },
    );
    stops.push(() => running.catch(() => {})); // why it broke has been told by then
    return { ended: running };
  });
}

/** @throws CommandError */
function configOf(flags: Flags, controllers: readonly string[]): ControllerSettings {
  return {
    kubeconfig: flags.text('kubeconfig'),
    bindAddress: flags.text('bind-address'),
    leaderElection: electionSettings(flags),
    controllers,
    useServiceAccountCredentials: flags.isSet('use-service-account-credentials'),
    clusterCIDRs: clusterCIDRsOf(flags),
    serviceCIDRs: serviceCIDRsOf(flags),
    rootCaFile: flags.text('root-ca-file'),
    signingCertFile: flags.optional('cluster-signing-cert-file') ?? '',
    signingKeyFile: flags.optional('cluster-signing-key-file') ?? '',
    forceDetachOnTimeout: !flags.isSet('disable-force-detach-on-timeout'),
    tuning: tuningOf(flags),
  };
}

/** The API server as a service account of kube-system, one connection each; undefined: as the kubeconfig says. */
function accountTransports(own: Transport, metrics: RequestMetrics, context: ComponentContext): (account: string | undefined) => Transport {
  const { flags, clock, logger, stops } = context;
  const deps = { clock, logger, env: process.env, stdin: 'none' } as const;
  const { https } = loadKubeconfig(deps, { path: flags.text('kubeconfig') });
  const client = createClient(own);
  const made = new Map<string, Transport>();
  return (account) => {
    if (account === undefined) return own;
    const known = made.get(account);
    if (known !== undefined) return known;
    const transport = httpsTransport({
      ...https,
      metrics,
      credentials: serviceAccountCredentials(client, account, clock),
      userAgent: `${userAgent(AGENT)}/${ACCOUNTS}${account}`,
    });
    stops.push(() => transport.close());
    made.set(account, transport);
    return transport;
  };
}

/** @throws CommandError naming what is no controller */
function selectionOf(flags: Flags): readonly string[] {
  const selection = flags
    .text('controllers')
    .split(',')
    .filter((entry) => entry !== '');
  const [unknown] = unknownControllers(selection);
  if (unknown !== undefined) throw new CommandError(`--controllers: "${unknown}" is not in the list of known controllers`);
  return selection;
}
