// Stands between a kubelet and its runtime: calls are refused, answered late, or done without an answer, as seeded chance has it.
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';

/** Part of all calls that goes wrong; each of the three ways takes a third of it. */
const FAULTY = 0.2;
/** Longest wait for a late answer, milliseconds. */
const LATE_MS = 15_000;

export interface Unreliable {
  readonly through: (cri: CriClient, clock: Clock) => CriClient;
  /** From now on some calls go wrong. */
  begin(): void;
  /** From now on every call goes well, and those under way are answered. */
  heal(): void;
  /** How often what went wrong. */
  told(): string;
}

type Call = (request: unknown, options?: { readonly signal?: AbortSignal }) => Promise<unknown>;

export function unreliable(random: Pick<Ids, 'fraction'>): Unreliable {
  let well = true;
  const healed = Promise.withResolvers<void>();
  const counts = { refused: 0, lost: 0, late: 0 };
  const failure = (code: 'Unavailable' | 'DeadlineExceeded', method: string): CriError =>
    new CriError({ code, details: code === 'Unavailable' ? 'connection error' : 'context deadline exceeded', method });

  const faulty =
    (method: string, call: Call, clock: Clock): Call =>
    async (request, options = {}) => {
      const dice = random.fraction();
      if (well || dice >= FAULTY) return call(request, options);
      const kind = (['refused', 'lost', 'late'] as const)[Math.floor((dice / FAULTY) * 3)] ?? 'late';
      counts[kind]++;
      if (kind === 'refused') throw failure('Unavailable', method);
      const answer = await call(request, options);
      await Promise.race([wait(clock, random.fraction() * LATE_MS, options.signal), healed.promise]);
      if (kind === 'lost') throw failure('DeadlineExceeded', method);
      return answer;
    };

  const service = <T extends object>(of: T, clock: Clock): T =>
    Object.fromEntries(
      Object.entries(of).map(([method, call]) => [method, method === 'getContainerEvents' ? call : faulty(method, call as Call, clock)]),
    ) as T;

  return {
    through: (cri, clock) => {
      const [runtime, image] = [service(cri.runtime, clock), service(cri.image, clock)];
      return new Proxy(cri, {
        get(target, key) {
          if (key === 'runtime') return runtime;
          if (key === 'image') return image;
          const value = Reflect.get(target, key, target) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
    begin() {
      well = false;
    },
    heal() {
      well = true;
      healed.resolve();
    },
    told: () =>
      Object.entries(counts)
        .map(([kind, count]) => `${count} calls ${kind}`)
        .join(', '),
  };
}
