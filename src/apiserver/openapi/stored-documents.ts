// The bytes and hashes of all documents, made when first asked for.
import { createHash } from 'node:crypto';
import type { ResourceInfo, Schema } from '#api/schema.ts';
import { VERSION } from '#api/build.ts';
import { customObjectSchema } from './custom-schemas.ts';
import { documentProtobuf } from './document-protobuf.ts';
import type { OpenApiDocument, OpenApiSchema, Paths } from './document.ts';
import { fixedPaths } from './fixed-paths.ts';
import { customName, documentOf, groupVersionDocument } from './group-version.ts';
import { mergedSwagger } from './merge-swagger.ts';
import { NO_REMOTE_DOCUMENTS, type RemoteDocuments } from './remote-documents.ts';
import { swaggerProtobuf } from './swagger-protobuf.ts';
import { swaggerDocument } from './swagger.ts';

/** How a document is written. */
export type Form = 'json' | 'protobuf';

export interface StoredDocument {
  readonly body: Buffer;
  /** In upper-case hexadecimal. Of the body; a document of v3 has that of its JSON in either form. */
  readonly hash: string;
}

type Infos = readonly [ResourceInfo, ...ResourceInfo[]];

export class StoredDocuments {
  readonly #schema: Schema;
  readonly #made = new Map<
    string,
    StoredDocument & { /** What it was made of; none for fixed paths. */ readonly infos: readonly ResourceInfo[] }
  >();
  #generation = -1;
  #resources: ReadonlyMap<string, Infos> = new Map();
  #fixed: ReadonlyMap<string, Paths> = new Map();
  readonly #protobuf = new Map<string, StoredDocument>();
  readonly #swagger = new Map<Form, StoredDocument>();

  readonly #remote: RemoteDocuments;
  #remoteGeneration = 0;

  constructor(schema: Schema, remote: RemoteDocuments = NO_REMOTE_DOCUMENTS) {
    this.#schema = schema;
    this.#remote = remote;
  }

  /** By path of the document, group versions in the order of discovery. */
  *all(): IterableIterator<readonly [string, StoredDocument]> {
    this.#refresh();
    for (const path of [...this.#resources.keys(), ...this.#fixed.keys()]) yield [path, this.get(path) as StoredDocument];
  }

  /** @param path `api/v1`, `apis/apps/v1`, `version` */
  get(path: string): StoredDocument | undefined {
    this.#refresh();
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const document = this.document(path);
    if (document === undefined) return undefined;
    const made = { infos: this.#resources.get(path) ?? [], ...storedDocument(document) };
    this.#made.set(path, made);
    return made;
  }

  /** As `get`, in protobuf. Source: kube-openapi handler3 newOpenAPIV3Group. */
  protobuf(path: string): StoredDocument | undefined {
    const stored = this.get(path);
    if (stored === undefined) return undefined;
    const { hash } = stored;
    const known = this.#protobuf.get(path);
    if (known?.hash === hash) return known;
    const made = { hash, body: documentProtobuf(this.document(path) as OpenApiDocument) };
    this.#protobuf.set(path, made);
    return made;
  }

  /** The one OpenAPI v2 document. */
  swagger(form: Form): StoredDocument {
    this.#refresh();
    if (this.#remoteGeneration !== this.#remote.generation) this.#swagger.clear();
    this.#remoteGeneration = this.#remote.generation;
    const known = this.#swagger.get(form);
    if (known !== undefined) return known;
    const local = swaggerDocument(this.#documents(), VERSION.gitVersion, this.#customSchemas());
    const document = mergedSwagger(local, this.#remote.swaggers());
    const made = form === 'json' ? storedDocument(document) : storedBytes(swaggerProtobuf(document));
    this.#swagger.set(form, made);
    return made;
  }

  *#documents(): IterableIterator<OpenApiDocument> {
    for (const path of [...this.#fixed.keys(), ...this.#resources.keys()]) yield this.document(path) as OpenApiDocument;
  }

  #customSchemas(): ReadonlyMap<string, OpenApiSchema> {
    const infos = [...this.#schema.resources()].filter(({ origin }) => origin === 'custom');
    return new Map(infos.map((info) => [customName(info, info.kind), customObjectSchema(info, 'v2')]));
  }

  /** As `get`, before it is bytes; made anew each time. */
  document(path: string): OpenApiDocument | undefined {
    this.#refresh();
    const infos = this.#resources.get(path);
    if (infos !== undefined) return groupVersionDocument(infos, VERSION.gitVersion);
    const fixed = this.#fixed.get(path);
    return fixed === undefined ? undefined : documentOf(fixed, new Map(), VERSION.gitVersion);
  }

  /** Drops documents whose resources have changed. */
  #refresh(): void {
    if (this.#generation === this.#schema.generation) return;
    this.#generation = this.#schema.generation;
    this.#swagger.clear();
    const resources = Map.groupBy(this.#schema.resources(), ({ group, version }) =>
      group === '' ? `api/${version}` : `apis/${group}/${version}`,
    );
    this.#resources = resources as unknown as ReadonlyMap<string, Infos>; // a group is never empty
    // Groups of custom resources alone are in discovery, and not described.
    const builtIn = new Set([...this.#schema.resources()].filter(({ origin }) => origin === 'builtin').map(({ group }) => group));
    this.#fixed = fixedPaths([...builtIn]);
    for (const [path, { infos }] of this.#made) {
      const now: readonly ResourceInfo[] = this.#resources.get(path) ?? [];
      const same = now.length === infos.length && now.every((info, i) => info === infos[i]);
      if (!same || (now.length === 0 && !this.#fixed.has(path))) {
        this.#made.delete(path);
        this.#protobuf.delete(path);
      }
    }
  }
}

/** In JSON, with its hash. */
export const storedDocument = (document: object): StoredDocument => storedBytes(Buffer.from(JSON.stringify(document)));

const storedBytes = (body: Buffer): StoredDocument => ({ body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() });
