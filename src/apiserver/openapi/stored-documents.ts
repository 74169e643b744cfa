// The bytes and hashes of all documents, made when first asked for.
import type { ResourceInfo, Schema } from '#api/schema.ts';
import { VERSION } from '#api/build.ts';
import { nextTurn } from '#base/next-turn.ts';
import { contentHash } from '../content-hash.ts';
import { customPieces, swaggerOf, swaggerPieces, type Piece, type StoredDocument, type Unit } from './document-pieces.ts';
import { documentProtobuf } from './document-protobuf.ts';
import type { OpenApiDocument } from './document.ts';
import { fixedPaths } from './fixed-paths.ts';
import { documentOf, groupVersionDocument } from './group-version.ts';
import { addedBySwaggers } from './merge-swagger.ts';
import { NO_REMOTE_DOCUMENTS, type RemoteDocuments } from './remote-documents.ts';
import type { SwaggerParts } from './swagger.ts';

/** How a document is written. */
export type Form = 'json' | 'protobuf';

export class StoredDocuments {
  readonly #schema: Schema;
  readonly #remote: RemoteDocuments;
  readonly #custom = customPieces();
  readonly #pieces = { json: swaggerPieces.json(), protobuf: swaggerPieces.protobuf() };
  /** What each document of a group version is of, by its path, in the order of discovery. */
  #groups: ReadonlyMap<string, readonly Unit[]> = new Map();
  /** By their first resource. */
  readonly #known = new WeakMap<ResourceInfo, Unit>();
  readonly #fixed: ReadonlyMap<string, Unit>;
  readonly #made = new Map<string, { readonly units: readonly Unit[]; readonly document: StoredDocument }>();
  readonly #protobuf = new Map<string, StoredDocument>();
  readonly #swagger = new Map<Form, StoredDocument>();
  #generation = -1;
  #remoteGeneration = 0;

  constructor(schema: Schema, remote: RemoteDocuments = NO_REMOTE_DOCUMENTS) {
    this.#schema = schema;
    this.#remote = remote;
    // Groups of custom resources alone are in discovery, and not described.
    const builtIn = new Set([...schema.resources()].filter(({ origin }) => origin === 'builtin').map(({ group }) => group));
    this.#fixed = new Map(
      Array.from(fixedPaths([...builtIn]), ([path, paths]) => [
        path,
        { infos: [], describe: () => documentOf(paths, new Map(), VERSION.gitVersion) },
      ]),
    );
  }

  /** By path of the document, group versions in the order of discovery; each as it is when its turn comes. */
  async *all(): AsyncIterableIterator<readonly [string, StoredDocument]> {
    this.#refresh();
    for (const path of [...this.#groups.keys(), ...this.#fixed.keys()]) {
      const document = await this.get(path);
      if (document !== undefined) yield [path, document];
    }
  }

  /** @param path `api/v1`, `apis/apps/v1`, `version` */
  async get(path: string): Promise<StoredDocument | undefined> {
    for (;;) {
      this.#refresh();
      const units = this.#unitsOf(path);
      const [first] = units;
      if (first === undefined) return undefined;
      const known = this.#made.get(path);
      if (known !== undefined && areSame(known.units, units)) return known.document;
      if (isCustom(first)) {
        if (await this.#wrote(this.#custom, units)) continue;
        this.#made.set(path, { units, document: this.#custom.joined(units.map((unit) => this.#custom.of(unit))) });
      } else {
        this.#made.set(path, { units, document: storedDocument(first.describe()) });
        await nextTurn();
      }
    }
  }

  /** As `get`, in protobuf. Source: kube-openapi handler3 newOpenAPIV3Group. */
  async protobuf(path: string): Promise<StoredDocument | undefined> {
    const stored = await this.get(path);
    if (stored === undefined) return undefined;
    const { hash } = stored;
    const known = this.#protobuf.get(path);
    if (known?.hash === hash) return known;
    const document = this.document(path);
    if (document === undefined) return undefined; // gone since
    const made = { hash, body: documentProtobuf(document) };
    this.#protobuf.set(path, made);
    return made;
  }

  /** The one OpenAPI v2 document. */
  async swagger(form: Form): Promise<StoredDocument> {
    const pieces = this.#pieces[form];
    for (;;) {
      this.#refresh();
      const known = this.#swagger.get(form);
      if (known !== undefined) return known;
      const units = [...this.#fixed.values(), ...[...this.#groups.values()].flat()];
      if (await this.#wrote(pieces, units)) continue;
      const own = units.map((unit) => pieces.of(unit));
      const added = pieces.written(this.#added(units, own));
      this.#swagger.set(form, pieces.joined([...own, added]));
    }
  }

  /** What other servers add; definitions of the same names are told apart by what they say. */
  #added(units: readonly Unit[], pieces: readonly Piece[]): SwaggerParts {
    const described = new Map<Unit, SwaggerParts>();
    const definers = new Map<string, Unit>();
    for (const [i, unit] of units.entries()) {
      for (const name of pieces[i]?.schemas.keys() ?? []) if (!definers.has(name)) definers.set(name, unit);
    }
    return addedBySwaggers(this.#remote.swaggers(), {
      has: (name) => definers.has(name),
      get: (name) => {
        const unit = definers.get(name);
        if (unit === undefined) return undefined;
        const parts = described.get(unit) ?? swaggerOf(unit);
        described.set(unit, parts);
        return parts.definitions.get(name);
      },
    });
  }

  /** Whether a piece was missing. It is there now, and so many may be missing that all others would wait: a turn has passed. */
  async #wrote(pieces: { has(unit: Unit): boolean; of(unit: Unit): Piece }, units: readonly Unit[]): Promise<boolean> {
    const missing = units.find((unit) => !pieces.has(unit));
    if (missing === undefined) return false;
    pieces.of(missing);
    await nextTurn();
    return true;
  }

  /** As `get`, before it is bytes; made anew each time. */
  document(path: string): OpenApiDocument | undefined {
    this.#refresh();
    const units = this.#unitsOf(path);
    const [first] = units;
    if (first === undefined || !isCustom(first)) return first?.describe();
    return groupVersionDocument(units.flatMap(({ infos }) => infos) as unknown as Infos, VERSION.gitVersion); // each has one
  }

  #unitsOf(path: string): readonly Unit[] {
    const fixed = this.#fixed.get(path);
    return this.#groups.get(path) ?? (fixed === undefined ? [] : [fixed]);
  }

  /** Drops what resources were made of that have changed, and what other servers have. */
  #refresh(): void {
    if (this.#remoteGeneration !== this.#remote.generation) this.#swagger.clear();
    this.#remoteGeneration = this.#remote.generation;
    if (this.#generation === this.#schema.generation) return;
    this.#generation = this.#schema.generation;
    this.#swagger.clear();
    const groups = Map.groupBy(this.#schema.resources(), ({ group, version }) =>
      group === '' ? `api/${version}` : `apis/${group}/${version}`,
    );
    this.#groups = new Map(
      Array.from(groups, ([path, infos]) => {
        const each = infos.every(({ origin }) => origin === 'custom') ? infos.map((info) => [info] as const) : [infos];
        return [path, each.map((some) => this.#unit(some as Infos))]; // a group is never empty
      }),
    );
    for (const path of this.#made.keys()) {
      if (this.#unitsOf(path).length > 0) continue;
      this.#made.delete(path);
      this.#protobuf.delete(path);
    }
  }

  /** The same one as long as it is of the same resources. */
  #unit(infos: Infos): Unit {
    const known = this.#known.get(infos[0]);
    if (known !== undefined && areSame(known.infos, infos)) return known;
    const unit = { infos, describe: () => groupVersionDocument(infos, VERSION.gitVersion) };
    this.#known.set(infos[0], unit);
    return unit;
  }
}

type Infos = readonly [ResourceInfo, ...ResourceInfo[]];

const isCustom = ({ infos }: Unit): boolean => infos[0]?.origin === 'custom';

const areSame = <T>(some: readonly T[], others: readonly T[]): boolean =>
  some.length === others.length && some.every((one, i) => one === others[i]);

/** In JSON, with its hash. */
export function storedDocument(document: object): StoredDocument {
  const body = Buffer.from(JSON.stringify(document));
  return { body, hash: contentHash([body]) };
}
