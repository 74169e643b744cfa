// What is known of the cluster beyond single answers: its latest revision, its oldest, its version.
import type { Clock } from '#base/clock.ts';
import type { Members } from './members.ts';
import { type Method, RANGE, type ResponseHeader, STATUS, WATCH } from './methods.ts';
import { isServiceError, refusalOf } from './refusals.ts';

/** How long size and oldest revision are taken from memory, in milliseconds. */
const DETAILS_MS = 5_000;

/** A key that no store writes, to ask for the revision with. */
export const LOWEST_KEY = '\0';

export interface ClusterDetails {
  readonly sizeBytes: number;
  /** Oldest revision that can be read. */
  readonly compactRevision: number;
  /** Whether progress can be asked for, and then means what it says. */
  readonly reportsProgress: boolean;
}

export class Cluster {
  readonly members: Members;
  readonly #clock: Clock;
  /** Highest revision seen in any answer: every write acknowledged here is at or below it. */
  seen = 0;
  #details: { readonly at: number; readonly details: ClusterDetails } | undefined;

  constructor(members: Members, clock: Clock) {
    this.members = members;
    this.#clock = clock;
  }

  async call<Request, Response extends { readonly header: ResponseHeader }>(
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const response = await this.members.call(method, request);
    this.saw(response.header);
    return response;
  }

  saw(header: ResponseHeader): void {
    if (header.revision > this.seen) this.seen = header.revision;
  }

  /** Reads it from the cluster's majority. */
  async currentRevision(): Promise<number> {
    const { header } = await this.call(RANGE, { key: LOWEST_KEY, countOnly: true });
    return header.revision;
  }

  /** Everything below `revision` was compacted. */
  compacted(revision: number): void {
    if (this.#details === undefined) return;
    const { at, details } = this.#details;
    this.#details = { at, details: { ...details, compactRevision: Math.max(details.compactRevision, revision) } };
  }

  async details(): Promise<ClusterDetails> {
    const now = this.#clock.monotonic();
    if (this.#details === undefined || now - this.#details.at > DETAILS_MS) {
      const [{ dbSize, version }, compactRevision] = await Promise.all([this.call(STATUS, {}), this.oldestRevision()]);
      this.#details = { at: now, details: { sizeBytes: dbSize, compactRevision, reportsProgress: reportsProgress(version) } };
    }
    return this.#details.details;
  }

  /** Oldest revision that can be read: at least the one known before. */
  async oldestRevision(): Promise<number> {
    const known = this.#details?.details.compactRevision ?? 1;
    try {
      await this.call(RANGE, { key: LOWEST_KEY, countOnly: true, revision: known });
      return known;
    } catch (error) {
      if (!isServiceError(error) || refusalOf(error) !== 'compacted') throw error;
    }
    const oldest = await this.#oldestFromWatch(known);
    this.compacted(oldest);
    return oldest;
  }

  /** Only a watch is told which revision is the oldest, when it asks for an older one. */
  async #oldestFromWatch(revision: number): Promise<number> {
    const call = await this.members.duplex(WATCH.path);
    return new Promise((resolve, reject) => {
      call.on('data', (bytes: Buffer) => {
        const { compactRevision } = WATCH.response.decode(bytes);
        if (compactRevision === 0) return;
        resolve(compactRevision);
        call.cancel();
      });
      call.on('error', reject);
      const createRequest = {
        key: LOWEST_KEY,
        rangeEnd: '',
        startRevision: revision,
        progressNotify: false,
        prevKv: false,
        fragment: false,
      };
      call.write(WATCH.request.encode({ createRequest }) as Buffer);
    });
  }
}

/**
 * Older servers may answer before they have sent the events.
 * Source: k8s.io/apiserver storage/feature endpointSupportsRequestWatchProgress (etcd issues 15220 and 17507).
 */
export function reportsProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major !== 3) return major > 3;
  if (minor <= 4) return minor === 4 && patch >= 31;
  return minor > 5 || patch >= 13;
}
