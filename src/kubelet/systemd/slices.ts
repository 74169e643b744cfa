// Slices of systemd: cgroups that it makes for us, with limits that it keeps. Source: opencontainers/cgroups systemd.
import type { Clock } from '#base/clock.ts';
import type { CgroupLimits } from '../cgroups/limits.ts';
import { type Bus, type Call, DbusError } from './dbus.ts';
import type { Value, Variant } from './dbus-values.ts';
import { parentSlice, sliceProperties } from './slice-names.ts';

export interface SliceDeps {
  readonly connect: () => Promise<Bus>;
  readonly clock: Clock;
  /** Of the machine's cgroups. */
  readonly version: 1 | 2;
}

const MANAGER = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
};
/** Longest wait for the end of a job, milliseconds. Source: systemd startUnit. */
const JOB_MS = 30_000;

type Property = readonly [name: string, value: Variant];

export class Slices {
  readonly #deps: SliceDeps;
  #bus: Promise<Bus> | undefined;
  /** Jobs that are waited for, by path. */
  readonly #jobs = new Map<string, (result: string) => void>();
  /** Ends of jobs whose path was not known yet when they came, while one is being asked for. */
  readonly #early = new Map<string, string>();
  #asking = 0;

  constructor(deps: SliceDeps) {
    this.#deps = deps;
  }

  /** Safe to repeat. @throws DbusError */
  async start(unit: string, limits: CgroupLimits): Promise<void> {
    const accounting = [
      'MemoryAccounting',
      'CPUAccounting',
      this.#deps.version === 2 ? 'IOAccounting' : 'BlockIOAccounting',
      'TasksAccounting',
    ];
    const parent = parentSlice(unit);
    const properties: readonly Property[] = [
      ['Description', { signature: 's', value: `libcontainer container ${unit}` }],
      ...(parent === undefined ? [] : [['Wants', { signature: 'as', value: [parent] }] as const]),
      ...accounting.map((name): Property => [name, { signature: 'b', value: true }]),
      ['DefaultDependencies', { signature: 'b', value: false }],
      ...sliceProperties(limits, this.#deps.version),
    ];
    const body: readonly Value[] = [unit, 'replace', properties.map((property): Value => [...property]), []];
    try {
      await this.#job({ ...MANAGER, member: 'StartTransientUnit', signature: 'ssa(sv)a(sa(sv))', body });
    } catch (error) {
      if (!(error instanceof DbusError) || error.code !== 'org.freedesktop.systemd1.UnitExists') throw error;
      await this.set(unit, limits);
    }
  }

  /** Limits that hold until the machine ends. @throws DbusError */
  async set(unit: string, limits: CgroupLimits): Promise<void> {
    const properties = sliceProperties(limits, this.#deps.version);
    if (properties.length === 0) return;
    const body: readonly Value[] = [unit, true, properties.map((property): Value => [...property])];
    await this.#call({ ...MANAGER, member: 'SetUnitProperties', signature: 'sba(sv)', body });
  }

  /** Ends what runs in it; one that is not there is no error. @throws DbusError */
  async stop(unit: string): Promise<void> {
    try {
      await this.#job({ ...MANAGER, member: 'StopUnit', signature: 'ss', body: [unit, 'replace'] });
    } catch (error) {
      if (!(error instanceof DbusError) || error.code !== 'org.freedesktop.systemd1.NoSuchUnit') throw error;
    }
    await this.#call({ ...MANAGER, member: 'ResetFailedUnit', signature: 's', body: [unit] }).catch((error: unknown) => {
      if (!(error instanceof DbusError)) throw error; // only a unit that failed can be reset
    });
  }

  close(): void {
    void this.#bus?.then(
      (bus) => bus.close(),
      () => {},
    );
  }

  /** @throws DbusError, also when the job does not end well */
  async #job(call: Call): Promise<void> {
    this.#asking++;
    try {
      const [path] = (await this.#call(call)) as readonly [string];
      const result = this.#early.get(path) ?? (await this.#end(path));
      if (result !== 'done') throw new DbusError('', `error ${call.member} of unit ${String(call.body?.[0])}: got \`${result}\``);
    } finally {
      this.#asking--;
      if (this.#asking === 0) this.#early.clear();
    }
  }

  #end(path: string): Promise<string> {
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.after(JOB_MS, () => settle('timeout'));
      const settle = (result: string): void => {
        cancel();
        this.#jobs.delete(path);
        resolve(result);
      };
      this.#jobs.set(path, settle);
    });
  }

  async #call(call: Call): Promise<readonly Value[]> {
    const bus = await this.#connected();
    try {
      return await bus.call(call);
    } catch (error) {
      if (error instanceof DbusError && error.code === '') this.#bus = undefined; // the connection has ended
      throw error;
    }
  }

  #connected(): Promise<Bus> {
    const connected = (this.#bus ??= this.#connect());
    connected.catch(() => (this.#bus = undefined)); // the next call tries again
    return connected;
  }

  async #connect(): Promise<Bus> {
    const bus = await this.#deps.connect();
    void bus.ended.then(() => {
      this.#bus = undefined;
      for (const settle of [...this.#jobs.values()]) settle('dbus: connection closed');
    });
    await bus.follow({ ...MANAGER, member: 'JobRemoved' }, ({ body: [, path, , result] }) => {
      const settle = this.#jobs.get(String(path));
      if (settle !== undefined) settle(String(result));
      else if (this.#asking > 0) this.#early.set(String(path), String(result));
    });
    await bus.call({ ...MANAGER, member: 'Subscribe' });
    return bus;
  }
}
