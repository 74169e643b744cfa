// Registers the node and keeps its status in the API true.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { nodes } from '#api/resources.ts';
import type { Node, NodeStatus } from '#api/types.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import type { KubeletEvents } from '../events/events.ts';
import { repeat } from '../maintenance/repeat.ts';
import { nodeStatusPatch } from '../status/patch.ts';
import { conditionEvents, initialNode, MANAGED_ATTACH, nodeLabels, nodeStatus, sameNodeStatus, type NodeInput } from './status.ts';

/** Wait between attempts to register, doubled up to the longest, milliseconds. Source: registerWithAPIServer. */
const REGISTER_MIN_MS = 100;
const REGISTER_MAX_MS = 7000;

export interface NodeAgentDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: KubeletConfig;
  readonly events: KubeletEvents;
  /** The node as the informer last saw it. */
  readonly listed: () => Node | undefined;
  /** Everything the status is made of, now. */
  readonly observe: () => Promise<NodeInput>;
}

/** Source: kubelet_node_status.go. */
export class NodeAgent {
  readonly #deps: NodeAgentDeps;
  #node: Node | undefined;
  #lastReport = 0;
  #started: Promise<void> | undefined;
  #repeated: (() => Promise<void>) | undefined;
  #updating: Promise<void> | undefined;
  #again = false;
  readonly #stop = new AbortController();

  constructor(deps: NodeAgentDeps) {
    this.#deps = deps;
  }

  /** The node as the API has it, as far as known here. */
  get node(): Node | undefined {
    const listed = this.#deps.listed();
    if (listed === undefined || this.#node === undefined) return listed ?? this.#node;
    return BigInt(listed.metadata.resourceVersion) >= BigInt(this.#node.metadata.resourceVersion) ? listed : this.#node;
  }

  start(): void {
    this.#started = this.#start();
  }

  /** Registers, for as long as it takes, then keeps the status up to date. */
  async #start(): Promise<void> {
    const { config, clock } = this.#deps;
    if (config.registerNode) await this.#register();
    if (this.#stop.signal.aborted) return;
    await this.update();
    if (this.#stop.signal.aborted) return;
    this.#repeated = repeat(clock, config.nodeStatusUpdateFrequency, () => this.update());
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the kubelet stops'));
    await Promise.all([this.#started, this.#repeated?.(), this.#updating]);
  }

  /** Brings the status up to date now; calls that come meanwhile make one more round. */
  update(): Promise<void> {
    if (this.#updating !== undefined) {
      this.#again = true;
      return this.#updating;
    }
    const round = async (): Promise<void> => {
      do {
        this.#again = false;
        await this.#updateOnce();
      } while (this.#again && !this.#stop.signal.aborted);
    };
    this.#updating = round().finally(() => {
      this.#updating = undefined;
    });
    return this.#updating;
  }

  async #register(): Promise<void> {
    const { clock, logger, config } = this.#deps;
    for (let pause = REGISTER_MIN_MS; ; pause = Math.min(REGISTER_MAX_MS, pause * 2)) {
      try {
        await this.#tryRegister();
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
        logger.warn('Unable to register node with API server', { node: config.nodeName, error });
      }
      try {
        await wait(clock, pause, this.#stop.signal);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        throw error;
      }
    }
  }

  async #tryRegister(): Promise<void> {
    const { client, config, logger, observe } = this.#deps;
    const { signal } = this.#stop;
    const input = await observe();
    try {
      const fresh = initialNode(input);
      this.#node = await client.create(nodes, fresh, { signal });
      this.#lastReport = this.#deps.clock.monotonic();
      this.#tell(undefined, this.#node.status ?? fresh.status);
      logger.info('Successfully registered node', { node: config.nodeName });
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      const known = await client.get(nodes, { name: config.nodeName }, { signal });
      this.#node = await this.#reconcile(known, input);
      logger.info('Node was previously registered', { node: config.nodeName });
    }
  }

  /** A node that is known keeps what others made of it; what is the kubelet's is set again. Source: tryRegisterWithAPIServer. */
  async #reconcile(known: Node, input: NodeInput): Promise<Node> {
    const wanted = nodeLabels(input);
    const labels = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => known.metadata.labels?.[key] !== value));
    const isManaged = known.metadata.annotations?.[MANAGED_ATTACH] === 'true';
    if (Object.keys(labels).length === 0 && isManaged) return known;
    const patch = { type: 'merge', body: { metadata: { labels, annotations: { [MANAGED_ATTACH]: 'true' } } } } as const;
    return this.#deps.client.patch(nodes, { name: known.metadata.name }, patch, { signal: this.#stop.signal });
  }

  async #updateOnce(): Promise<void> {
    const { client, config, clock, logger, observe } = this.#deps;
    const node = this.node;
    if (node === undefined || this.#stop.signal.aborted) return;
    try {
      const status = nodeStatus(await observe(), node.status);
      const due = clock.monotonic() - this.#lastReport >= config.nodeStatusReportFrequency;
      if (!due && node.status !== undefined && sameNodeStatus(node.status, { ...node.status, ...status })) return;
      const patch = nodeStatusPatch(node.status ?? {}, { ...node.status, ...status });
      if (patch === undefined) return;
      this.#node = await client.patch(
        nodes,
        { name: config.nodeName },
        { type: 'strategic', body: { status: patch } },
        { subresource: 'status', signal: this.#stop.signal },
      );
      this.#lastReport = clock.monotonic();
      this.#tell(node.status, status);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      // A node that someone deleted stays deleted until the kubelet is started again.
      if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
      logger.warn('Error updating node status, will retry', { node: config.nodeName, error });
    }
  }

  #tell(before: NodeStatus | undefined, after: NodeStatus): void {
    const { config, events } = this.#deps;
    const bootID = after.nodeInfo?.bootID ?? '';
    if (isOtherBoot(before?.nodeInfo?.bootID, bootID))
      events.node('Warning', 'Rebooted', `Node ${config.nodeName} has been rebooted, boot id: ${bootID}`);
    for (const reason of conditionEvents(before, after)) events.node('Normal', reason, `Node ${config.nodeName} status is now: ${reason}`);
  }
}

const isOtherBoot = (before: string | undefined, after: string): boolean => before !== undefined && before !== '' && before !== after;
