// Dynamic resources of pods: drivers prepare a pod's claims before its sandbox is made and take them back once its containers
// have ended, and containers are given the devices. Source: pkg/kubelet/cm/dra manager.go.
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { ResourceStatus } from '#api/gen/core-v1.ts';
import { resourceclaims } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { CriError } from '#cri/errors.ts';
import { ask, type ClaimReference, type PreparedDevice } from '../plugins/plugin-api.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { ClaimInfo, ClaimInfos } from './claim-infos.ts';
import type { DraPlugin, DraPlugins } from './dra-plugins.ts';
import { claimsOf, DraError, driversFor, nameOfClaim, requestsOf, usesClaims } from './pod-claims.ts';

export interface DraManagerDeps {
  readonly client: Client;
  readonly infos: ClaimInfos;
  readonly plugins: Pick<DraPlugins, 'get' | 'health'>;
  readonly logger: Logger;
}

/** Devices of one claim that a container was given. */
export interface ContainerClaim {
  readonly namespace: string;
  readonly name: string;
  readonly devices: readonly (PreparedDevice & { readonly driver: string })[];
}

export class DraManager {
  readonly #deps: DraManagerDeps;

  constructor(deps: DraManagerDeps) {
    this.#deps = deps;
  }

  /** Safe to repeat. @throws DraError when some of it cannot be had now; the signal's reason */
  async prepare(pod: Pod, signal?: AbortSignal): Promise<void> {
    if (!usesClaims(pod)) return;
    await this.#explained('prepare', signal, async () => {
      const wanted = await this.#looked(pod, signal);
      const waiting = wanted.map((info) => this.#hold(info, pod.metadata.uid)).filter(({ prepared }) => !prepared);
      // Before any driver is asked: whatever happens then, the claims are given back once the pod is gone.
      await this.#deps.infos.save();
      for (const [driver, infos] of byDriver(waiting)) await this.#prepareBy(driver, infos, signal);
      for (const info of waiting) info.prepared = true;
      await this.#deps.infos.save();
    });
  }

  /** CDI names of what a container was given. @throws DraError when the pod has not been prepared */
  devicesOf(pod: Pod, container: AnyContainer): readonly string[] {
    return this.claimsOf(pod, container).flatMap(({ devices }) => devices.flatMap(({ cdiDeviceIds }) => cdiDeviceIds));
  }

  /** What a container was given, by claim. @throws DraError when the pod has not been prepared */
  claimsOf(pod: Pod, container: AnyContainer): readonly ContainerClaim[] {
    const { namespace } = pod.metadata;
    const requests = usesClaims(pod) ? requestsOf(pod, container) : new Map<string, readonly string[]>();
    return [...requests].map(([name, wanted]) => {
      const info = this.#deps.infos.get(namespace, name);
      if (info === undefined)
        throw new DraError(`internal error: unable to get claim info for ResourceClaim ${name} in namespace ${namespace}`);
      const all = [...info.drivers].flatMap(([driver, devices]) => devices.map((device) => ({ ...device, driver })));
      return { namespace, name, devices: wanted.flatMap((request) => all.filter((device) => isFor(device, request))) };
    });
  }

  /** How well the devices of a container are, as far as their drivers tell. Source: Manager.UpdateAllocatedResourcesStatus. */
  healthOf(pod: Pod, container: AnyContainer): readonly ResourceStatus[] {
    const { infos, plugins } = this.#deps;
    return (container.resources?.claims ?? []).flatMap(({ name, request = '' }) => {
      const info = infos.get(pod.metadata.namespace, nameOfClaim(pod, name) ?? '');
      if (info?.pods.has(pod.metadata.uid) !== true) return [];
      const devices = [...info.drivers].flatMap(([driver, all]) =>
        all.filter((device) => isFor(device, request)).map((device) => ({ ...device, driver })),
      );
      const ids = new Set(devices.map(({ driver, poolName, deviceName }) => `${driver}/${poolName}/${deviceName}`));
      const resources = [...ids].map((resourceID) => ({ resourceID, ...plugins.health.get(resourceID) }));
      return resources.length === 0 ? [] : [{ name: request === '' ? `claim:${name}` : `claim:${name}/${request}`, resources }];
    });
  }

  /** Uids of pods with devices of a driver. */
  podsOf(driver: string): ReadonlySet<string> {
    return new Set(this.#deps.infos.all().flatMap(({ drivers, pods }) => (drivers.has(driver) ? [...pods] : [])));
  }

  /** Once nothing of the pod runs. Safe to repeat. @throws DraError when a driver does not take its devices back now */
  async unprepare({ metadata: { uid } }: { readonly metadata: { readonly uid: string } }, signal?: AbortSignal): Promise<void> {
    const { infos } = this.#deps;
    const used = infos.ofPod(uid);
    if (used.length === 0) return;
    await this.#explained('unprepare', signal, async () => {
      const last = used.filter(({ pods }) => pods.size === 1);
      for (const info of used) if (!last.includes(info)) info.pods.delete(uid);
      for (const [driver, claims] of byDriver(last)) await this.#unprepareBy(driver, claims, signal);
      for (const info of last) infos.delete(info);
      await infos.save();
    });
  }

  /** For pods that were gone while no kubelet ran, or that no driver took back. */
  async reconcile(isKnown: (uid: string) => boolean): Promise<void> {
    for (const uid of this.#deps.infos.pods()) {
      if (isKnown(uid)) continue;
      await this.unprepare({ metadata: { uid } }).catch((error: unknown) => {
        if (!(error instanceof DraError)) throw error;
        this.#deps.logger.info('dynamic resources of a pod that is gone are still prepared', { podUID: uid, error });
      });
    }
  }

  /** What the pod uses, with nothing changed yet: a pod that fails here can be deleted without any driver. @throws DraError */
  async #looked(pod: Pod, signal: AbortSignal | undefined): Promise<readonly ClaimInfo[]> {
    const { client, plugins } = this.#deps;
    const { namespace } = pod.metadata;
    const found: ClaimInfo[] = [];
    for (const used of claimsOf(pod)) {
      const claim = await client
        .get(resourceclaims, { namespace, name: used.name }, signal === undefined ? {} : { signal })
        .catch(told(used.name));
      const drivers = driversFor(pod, used, claim);
      for (const driver of drivers) pluginOf(plugins, driver);
      const { uid } = claim.metadata;
      found.push({
        namespace,
        name: used.name,
        uid,
        pods: new Set(),
        drivers: new Map(drivers.map((driver) => [driver, []])),
        prepared: false,
      });
    }
    return found;
  }

  /** What is known of the claim, now also for this pod. @throws DraError when that is of an earlier claim of the name */
  #hold(wanted: ClaimInfo, podUid: string): ClaimInfo {
    const { infos } = this.#deps;
    const known = infos.get(wanted.namespace, wanted.name);
    if (known !== undefined && known.uid !== wanted.uid)
      throw new DraError(
        `old ResourceClaim with same name ${wanted.name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`,
      );
    if (known === undefined) infos.add(wanted);
    const info = known ?? wanted;
    info.pods.add(podUid);
    return info;
  }

  async #prepareBy(driver: string, infos: readonly ClaimInfo[], signal: AbortSignal | undefined): Promise<void> {
    const { caller, calls } = pluginOf(this.#deps.plugins, driver);
    const { claims } = await ask(caller, calls.prepare, { claims: infos.map(referenceOf) }, signal).catch(called('NodePrepareResources'));
    checkAnswer('NodePrepareResources', claims, infos);
    for (const info of infos) info.drivers.set(driver, claims[info.uid]?.devices ?? []);
  }

  async #unprepareBy(driver: string, infos: readonly ClaimInfo[], signal: AbortSignal | undefined): Promise<void> {
    const { caller, calls } = pluginOf(this.#deps.plugins, driver);
    const { claims } = await ask(caller, calls.unprepare, { claims: infos.map(referenceOf) }, signal).catch(
      called('NodeUnprepareResources'),
    );
    checkAnswer('NodeUnprepareResources', claims, infos);
  }

  async #explained(verb: 'prepare' | 'unprepare', signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DraError) throw new DraError(`${verb} dynamic resources: ${error.message}`, { cause: error });
      throw error;
    }
  }
}

/** An empty request stands for all of a claim's. */
const isFor = ({ requestNames }: PreparedDevice, request: string): boolean =>
  request === '' || requestNames.length === 0 || requestNames.includes(request);

/** @throws DraError when the driver is not registered */
function pluginOf(plugins: Pick<DraPlugins, 'get'>, driver: string): DraPlugin {
  const plugin = plugins.get(driver);
  if (plugin === undefined) throw new DraError(`DRA driver ${driver} is not registered`);
  return plugin;
}

/** Each driver, with the claims it has devices of. */
function byDriver(infos: readonly ClaimInfo[]): ReadonlyMap<string, readonly ClaimInfo[]> {
  const drivers = new Map<string, ClaimInfo[]>();
  for (const info of infos) for (const driver of info.drivers.keys()) drivers.set(driver, [...(drivers.get(driver) ?? []), info]);
  return drivers;
}

const referenceOf = ({ namespace, uid, name }: ClaimReference): ClaimReference => ({ namespace, uid, name });

/** @throws DraError unless every claim was dealt with, and none that was not asked for */
function checkAnswer(call: string, claims: Readonly<Record<string, { readonly error: string }>>, infos: readonly ClaimInfo[]): void {
  for (const [uid, { error }] of Object.entries(claims)) {
    const info = infos.find((each) => each.uid === uid);
    if (info === undefined) throw new DraError(`${call} returned result for unknown claim UID ${uid}`);
    if (error !== '') throw new DraError(`${call} failed for ResourceClaim ${info.name}: ${error}`);
  }
  const skipped = infos.length - Object.keys(claims).length;
  if (skipped !== 0) throw new DraError(`${call} skipped ${skipped} ResourceClaims`);
}

const told =
  (claim: string) =>
  (error: unknown): never => {
    if (!(error instanceof StatusError || error instanceof ConnectionError)) throw error;
    throw new DraError(`fetch ResourceClaim ${claim}: ${error.message}`, { cause: error });
  };

const called =
  (call: string) =>
  (error: unknown): never => {
    if (!(error instanceof CriError)) throw error;
    throw new DraError(`${call}: ${error.message}`, { cause: error });
  };
