// Has drivers attach volumes to the nodes that are to mount them, and detach them when the nodes have let go. The driver's own
// attacher does the work and answers in the VolumeAttachment. Source: pkg/controller/volume/attachdetach.
import { attachmentName, csiVolumeId, type CsiVolumeId } from '#api/csi.ts';
import { csidrivers, nodes, persistentvolumeclaims, persistentvolumes, pods, volumeattachments } from '#api/resources.ts';
import type { VolumeAttachment } from '#api/gen/storage-v1.ts';
import type { New, Node } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import { assertNever } from '#base/assert-never.ts';
import type { Controller, ControllerContext } from '../runtime/controller.ts';
import { nextLook, type OnNode, planVolume, retryAfter, type Step, type VolumeFacts } from './plan.ts';
import { AttachedReports } from './reports.ts';
import { Tracked } from './tracked.ts';
import { VolumeWorld } from './world.ts';

/** After this the server is asked about what no informer shows. Milliseconds. */
const DOUBT_MS = 10_000;

/** Its keys are unique names of volumes, and names of nodes that came back and do not know what they were told. */
export const attachDetachController: Controller = {
  name: 'persistentvolume-attach-detach-controller',
  serviceAccount: 'attachdetach-controller',
  reads: [pods, nodes, persistentvolumeclaims, persistentvolumes, csidrivers, volumeattachments],
  writes: ['nodes/status', 'volumeattachments', 'events'],
  workers: 10,
  setUp(context) {
    const { client, informers, queue, clock, config, metrics } = context;
    const { forceDetachOnTimeout: forceOnTimeout = true } = config;
    const tracked = new Tracked();
    const reports = new AttachedReports(client);
    const world = new VolumeWorld({
      informers,
      tracked,
      reports,
      wake: (volume) => queue.add(volume),
      untold: (node) => queue.add(node),
    });
    metrics.attachDetach.follow(world);
    const shell = new Shell(context, { tracked, reports, world });
    const look = (volume: string, facts: VolumeFacts): readonly Step[] =>
      planVolume(facts, world.observe(volume), { now: clock.monotonic(), forceOnTimeout });
    return async (key) => {
      const id = csiVolumeId(key);
      if (id === undefined) return void (await reports.write(key));
      const facts = world.facts(key) ?? { ...id, name: id.volumeHandle, exclusive: false };
      await shell.note(key, facts);
      for (const step of look(key, facts)) await shell.carryOut(key, facts, step);
      // What a step began, or failed at, has a time of its own.
      const at = Math.min(nextLook(look(key, facts)), shell.nextDoubt(key));
      return at === Infinity ? undefined : { afterMs: Math.max(0, at - clock.monotonic()) };
    };
  },
};

interface Parts {
  readonly tracked: Tracked;
  readonly reports: AttachedReports;
  readonly world: VolumeWorld;
}

class Shell {
  readonly #context: ControllerContext;
  readonly #parts: Parts;

  constructor(context: ControllerContext, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** What this pass finds that the last one did not. @throws StatusError */
  async note(volume: string, facts: VolumeFacts): Promise<void> {
    const { client, clock, metrics } = this.#context;
    const { tracked, world } = this.#parts;
    const now = clock.monotonic();
    for (const node of tracked.nodesOf(volume)) {
      const kept = tracked.of(volume, node);
      if (kept.unseen === undefined || now < kept.unseen.since + DOUBT_MS) continue;
      const isThere = await client.get(volumeattachments, { name: attachmentName(facts, node) }).then(
        () => true,
        (error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
          return false;
        },
      );
      if (isThere && world.attachment(facts, node) === undefined) kept.unseen = { ...kept.unseen, since: now };
      else delete kept.unseen;
    }
    for (const { node, pods: users, attachment } of world.observe(volume)) {
      const kept = tracked.of(volume, node);
      if (users.length > 0) delete kept.unwantedSince;
      else kept.unwantedSince ??= now;
      if (attachment.kind !== 'none' || kept.detachingSince === undefined) continue;
      metrics.attachDetach.operation('volume_detach', facts.driver, 'success', (now - kept.detachingSince) / 1000);
      delete kept.detachingSince;
    }
  }

  /** When the server is to be asked about an attachment that no informer shows. */
  nextDoubt(volume: string): number {
    const { tracked } = this.#parts;
    return Math.min(...tracked.nodesOf(volume).map((node) => (tracked.of(volume, node).unseen?.since ?? Infinity) + DOUBT_MS));
  }

  /** @throws StatusError; the volume is looked at again then */
  async carryOut(volume: string, facts: VolumeFacts, step: Step): Promise<void> {
    const { events } = this.#context;
    const { tracked, world } = this.#parts;
    const { node } = step.on;
    switch (step.kind) {
      case 'wait':
        return;
      case 'steady': {
        const kept = tracked.of(volume, node);
        [kept.failures, kept.multiAttachTold] = [0, false];
        return;
      }
      case 'forget':
        return world.forget(volume, node);
      case 'multi-attach':
        for (const { pod, message } of step.messages) events.event(pod, 'Warning', 'FailedAttachVolume', message);
        tracked.of(volume, node).multiAttachTold = true;
        return;
      case 'attach':
        return this.#attach(volume, facts, step.on);
      case 'attached':
        return this.#attached(volume, facts, step.on);
      case 'failed':
        return this.#failed(volume, facts, step.on, step.why);
      case 'yield':
        return this.#remove(volume, facts, node);
      case 'detach':
        return this.#detach(volume, facts, step);
      default:
        return assertNever(step);
    }
  }

  async #attach(volume: string, facts: VolumeFacts, on: OnNode): Promise<void> {
    const { client, clock } = this.#context;
    const { tracked, reports, world } = this.#parts;
    await reports.set(on.node, volume, false);
    const kept = tracked.of(volume, on.node);
    if (world.attachment(facts, on.node) === undefined) {
      try {
        await client.create(volumeattachments, attachmentOf(facts, on.node));
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        if (error.reason !== 'AlreadyExists') return this.#failed(volume, facts, on, error.message);
      }
      if (world.attachment(facts, on.node) === undefined) kept.unseen = { kind: 'pending', since: clock.monotonic() };
    }
    kept.attachingSince = clock.monotonic();
  }

  async #attached(volume: string, facts: VolumeFacts, { node, pods: users }: OnNode): Promise<void> {
    const { events, clock, metrics } = this.#context;
    const { tracked, reports } = this.#parts;
    const kept = tracked.of(volume, node);
    const since = kept.attachingSince ?? clock.monotonic();
    await reports.set(node, volume, true);
    [kept.failures, kept.multiAttachTold] = [0, false];
    delete kept.attachingSince;
    delete kept.retryAt;
    metrics.attachDetach.operation('volume_attach', facts.driver, 'success', (clock.monotonic() - since) / 1000);
    for (const pod of users)
      events.event(pod, 'Normal', 'SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume "${facts.name}" `);
  }

  #failed(volume: string, facts: VolumeFacts, { node, pods: users }: OnNode, why: string): void {
    const { events, clock, metrics } = this.#context;
    const kept = this.#parts.tracked.of(volume, node);
    const since = kept.attachingSince ?? clock.monotonic();
    delete kept.attachingSince;
    kept.failures++;
    kept.retryAt = clock.monotonic() + retryAfter(kept.failures);
    metrics.attachDetach.operation('volume_attach', facts.driver, 'fail-unknown', (clock.monotonic() - since) / 1000);
    for (const pod of users)
      events.event(pod, 'Warning', 'FailedAttachVolume', `AttachVolume.Attach failed for volume "${facts.name}" : ${why}`);
  }

  /** The node is told first that it may no longer mount; one that has begun to meanwhile keeps the volume. */
  async #detach(volume: string, facts: VolumeFacts, { on, forced }: Step & { readonly kind: 'detach' }): Promise<void> {
    const { clock, logger, metrics } = this.#context;
    const { reports } = this.#parts;
    const { node } = on;
    const began = clock.monotonic();
    const told = await reports.set(node, volume, false);
    if (forced === undefined && (await this.#isInUse(volume, node, told))) {
      if (on.reported) await reports.set(node, volume, true);
      return;
    }
    if (forced !== undefined) {
      metrics.attachDetach.forced(forced);
      logger.warn('a volume is detached from a node that did not let go of it', { volume, node, why: forced });
    }
    try {
      await this.#remove(volume, facts, node);
    } catch (error) {
      metrics.attachDetach.operation('volume_detach', facts.driver, 'fail-unknown', (clock.monotonic() - began) / 1000);
      if (on.reported) await reports.set(node, volume, true);
      throw error;
    }
  }

  async #remove(volume: string, facts: VolumeFacts, node: string): Promise<void> {
    const { client, clock, queue } = this.#context;
    const { tracked, world } = this.#parts;
    const kept = tracked.of(volume, node);
    const uid = world.attachment(facts, node)?.metadata.uid;
    const began = clock.monotonic();
    try {
      await client.delete(volumeattachments, { name: attachmentName(facts, node) }, uid === undefined ? {} : { preconditions: { uid } });
      if (uid !== undefined) kept.deletedUid = uid;
      else if (world.attachment(facts, node) === undefined) kept.unseen = { kind: 'going', since: began };
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      if (uid !== undefined) kept.deletedUid = uid;
      delete kept.unseen;
    }
    kept.detachingSince = began;
    delete kept.attachingSince;
    queue.add(volume); // a node may have been told of what nobody made
  }

  /** By the server's own word, for an informer may be late. Source: verifyVolumeIsSafeToDetach. */
  async #isInUse(volume: string, name: string, told: Node | undefined): Promise<boolean> {
    try {
      const node = told ?? (await this.#context.client.get(nodes, { name }));
      return node.status?.volumesInUse?.includes(volume) === true;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return false;
      throw error;
    }
  }
}

const attachmentOf = (facts: VolumeFacts & CsiVolumeId, nodeName: string): New<VolumeAttachment> => ({
  metadata: { name: attachmentName(facts, nodeName) },
  spec: { attacher: facts.driver, nodeName, source: { persistentVolumeName: facts.name } },
});
