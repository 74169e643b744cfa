// A kubelet over a fake API server and a fake runtime, with time in the test's hands.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, ManualClock, systemClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createLogger, type LogFields, type LogLevel } from '#base/log.ts';
import { events, nodes, pods } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { fakeClient, type FakeTransport } from '#client/testing.ts';
import type { CriClient } from '#cri/contract.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import type { Owner } from '#test/harness/scope.ts';
import { type CgroupManager, noCgroups } from '../cgroups/cgroup-manager.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import type { Kubelet } from '../kubelet.ts';
import type { Logind } from '../shutdown/logind.ts';
import type { Mounter, MountPoint } from '../volumes/mounter.ts';
import type { MachineFacts } from '../node/machine.ts';
import { MACHINE } from './machine.ts';
import { type RunningKubelet, runKubelet } from './run-kubelet.ts';

export const IMAGE = 'example.test/programs:1';

/** Remembers mounts and makes none. */
export class FakeMounter implements Mounter {
  readonly mounts: MountPoint[] = [];

  async mount({ source, target, type = 'none' }: Parameters<Mounter['mount']>[0]): Promise<void> {
    this.mounts.push({ source, path: target, type });
  }

  async unmount(target: string): Promise<void> {
    const at = this.mounts.findLastIndex(({ path }) => path === target);
    if (at !== -1) this.mounts.splice(at, 1);
  }

  async list(): Promise<readonly MountPoint[]> {
    return [...this.mounts];
  }
}

export interface WorldOptions {
  readonly config?: Partial<KubeletConfig>;
  /** How logind is reached; there is none when absent. */
  readonly logind?: () => Promise<Logind>;
  /** What the machine has beyond `MACHINE`, or instead. */
  readonly machine?: Partial<MachineFacts>;
  /** Containers' events are served unless a test wants to see lists at work. */
  readonly events?: 'served' | 'unimplemented';
  /** Of the machine; none when absent. */
  readonly cgroups?: CgroupManager;
  /** Stands between the kubelet and the runtime. */
  readonly through?: (cri: CriClient, clock: Clock) => CriClient;
  /** Written lines go here: `level message`. */
  readonly log?: (line: string, fields: LogFields) => void;
}

export interface World {
  readonly clock: ManualClock;
  readonly client: Client;
  readonly server: FakeTransport;
  readonly runtime: FakeRuntime;
  readonly mounter: FakeMounter;
  readonly folder: string;
  kubelet: Kubelet;
  /** The scheduler's part: the pod is there and bound to this node. */
  bind(pod: Pod): void;
  /** What the API has of a pod. @throws Error when it is not there */
  pod(name: string): Pod;
  node(): Node;
  /** `Reason message` of events about an object, in order. */
  told(name: string): readonly string[];
  /** Resolves when `condition` holds, without moving the clock. @throws Error when it does not come about */
  until(condition: () => boolean, what?: string): Promise<void>;
  /** Moves the clock in steps small enough for what happens in between, until `condition` holds. */
  advanceUntil(condition: () => boolean, limitMs: number, what?: string): Promise<void>;
  /** Lets everything happen that can without time going by. */
  settle(): Promise<void>;
  /** Ends this kubelet and starts another over the same folders, API and runtime. */
  restart(): Promise<void>;
}

/** What has not come about by then does not: only a test that fails waits so long. Milliseconds of real time. */
const PATIENCE_MS = 10_000;
/**
 * Milliseconds of this process's own work without a call to the API or the runtime after which nothing more is expected to
 * happen. Not of real time: on a busy machine that passes while the process waits for its turn.
 */
const QUIET_MS = 4;
const STEP_MS = 250;

export async function startWorld(owner: Owner, options: WorldOptions = {}): Promise<World> {
  const clock = new ManualClock();
  const ids = seededIds(7);
  const { client, server } = fakeClient({ clock, ids });
  const runtime = new FakeRuntime({ clock, ids, events: options.events ?? 'served' });
  runtime.addImage(IMAGE);
  const mounter = new FakeMounter();
  const folder = temporaryFolder(owner);
  mkdirSync(join(folder, 'root'));
  const write = (level: LogLevel, message: string, fields: LogFields): void => options.log?.(`${level} ${message}`, fields);
  const logger = createLogger(write);

  const start = (): Promise<RunningKubelet> =>
    runKubelet({
      client,
      cri: options.through?.(runtime, clock) ?? runtime,
      clock,
      ids,
      logger,
      machine: { ...MACHINE, ...options.machine },
      mounter,
      ...(options.logind === undefined ? {} : { logind: options.logind }),
      cgroups: options.cgroups ?? noCgroups,
      config: {
        nodeName: 'node',
        rootDir: join(folder, 'root'),
        podLogsDir: join(folder, 'logs'),
        containerLogsDir: join(folder, 'links'),
        clusterDomain: 'cluster.local',
        clusterDNS: ['10.96.0.10'],
        resolvConf: '',
        healthzPort: 0,
        evictionHard: { 'memory.available': '100Mi' }, // the disk is the real one
        ...options.config,
      },
    });

  let current = await start();
  owner.after(() => current.stop());
  const world: World = {
    clock,
    client,
    server,
    runtime,
    mounter,
    folder,
    kubelet: current.kubelet,
    bind: (pod) => void server.seed(pods, pod),
    pod(name) {
      const found = server.stored(pods).find(({ metadata }) => metadata.name === name);
      if (found === undefined) throw new Error(`the API has no pod ${name}`);
      return found;
    },
    node() {
      const [found] = server.stored(nodes);
      if (found === undefined) throw new Error('the API has no node');
      return found;
    },
    told: (name) =>
      server
        .stored(events)
        .filter(({ involvedObject }) => involvedObject.name === name)
        .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
        .map(({ reason, message }) => `${reason} ${message}`),
    async until(condition, what = condition.toString()) {
      const deadline = systemClock.monotonic() + PATIENCE_MS;
      while (!condition()) {
        if (systemClock.monotonic() > deadline) throw new Error(`this did not come about: ${what}`);
        await turnOfTheLoop();
      }
    },
    async advanceUntil(condition, limitMs, what = condition.toString()) {
      for (let passed = 0; passed <= limitMs; passed += STEP_MS) {
        await world.settle();
        if (condition()) return;
        clock.advance(STEP_MS);
      }
      throw new Error(`this did not come about within ${limitMs} ms: ${what}`);
    },
    async settle() {
      const activity = (): number => runtime.calls.length + server.actions.length;
      for (let seen = -1, quietSince = 0; ;) {
        const now = workedMs();
        if (activity() !== seen || filesUnderWay()) [seen, quietSince] = [activity(), now];
        else if (now - quietSince >= QUIET_MS) return;
        await turnOfTheLoop();
      }
    },
    async restart() {
      await current.stop();
      current = await start();
      world.kubelet = current.kubelet;
    },
  };
  return world;
}

/** Files are read and written on other threads, and the disk may take its time. */
function filesUnderWay(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}

/** CPU time of all threads of this process. */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** `running`, `waiting CrashLoopBackOff`, `terminated Error 1`: the state of a pod's container. */
export function stateOf({ status }: Pod, name = 'app'): string {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])];
  const state = all.find((each) => each.name === name)?.state;
  if (state?.running !== undefined) return 'running';
  if (state?.terminated !== undefined) return `terminated ${state.terminated.reason ?? ''} ${state.terminated.exitCode}`;
  return `waiting ${state?.waiting?.reason ?? ''}`;
}
