// The ranges cluster IPs come from: those the server was started with, and those of ServiceCIDR objects that are ready.
// Source: pkg/registry/core/service/ipallocator cidrallocator.go.
import { servicecidrs } from '#api/resources.ts';
import type { ServiceCIDR } from '#api/types.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { IpRange, type Family } from './ip-range.ts';

export class ServiceRanges {
  readonly #own: readonly IpRange[];
  /** Undefined until they are asked for, and again after each change of a ServiceCIDR. */
  #all: readonly IpRange[] | undefined;

  constructor(cidrs: readonly string[]) {
    this.#own = cidrs.map((cidr) => new IpRange(cidr));
  }

  /** What Services can have, the default one first. Objects add ranges, never a family. */
  get families(): readonly Family[] {
    return this.#own.map(({ family }) => family);
  }

  follow(reader: CacheReader): void {
    reader.onChange(servicecidrs, () => {
      this.#all = undefined;
    });
  }

  /** The server's own range first. */
  of(family: Family, reader: CacheReader): readonly IpRange[] {
    this.#all ??= [...this.#own, ...readyRanges(reader.list(servicecidrs))];
    return this.#all.filter((range) => range.family === family);
  }
}

/** Ranges of objects that are neither unready nor going, each once. */
export function readyRanges(objects: Iterable<ServiceCIDR>): readonly IpRange[] {
  const texts = [...objects].filter(isReady).flatMap(({ spec }) => spec.cidrs ?? []);
  return [...new Set(texts)].flatMap((text) => rangeOf(text) ?? []);
}

/** One that nobody has judged yet is taken to be ready: its controller may not run. */
function isReady({ metadata, status }: ServiceCIDR): boolean {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined && (ready === undefined || ready.status === 'True');
}

/** Undefined for a range too small to give anything. */
function rangeOf(text: string): IpRange | undefined {
  try {
    return new IpRange(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
