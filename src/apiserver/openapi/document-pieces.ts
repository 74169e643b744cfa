// Documents in pieces: what some resources add to one is written once, and kept as long as they stay. A document is its pieces joined.
import { definitions as tables } from '#api/schema/tables.ts';
import type { ResourceInfo } from '#api/schema.ts';
import { contentHash } from '../content-hash.ts';
import { customObjectSchema } from './custom-schemas.ts';
import type { OpenApiDocument } from './document.ts';
import { CUSTOM_FRAME, customName } from './group-version.ts';
import { jsonWriter, type MemberWriter } from './member-writer.ts';
import { SWAGGER_PROTOBUF } from './swagger-protobuf.ts';
import { SWAGGER_FRAME, swaggerParts, type SwaggerParts } from './swagger.ts';

export interface StoredDocument {
  readonly body: Buffer;
  /** In upper-case hexadecimal: the same for the same members. A document of v3 has that of its JSON in either form. */
  readonly hash: string;
}

/** Members already written, by name. */
export interface Piece {
  readonly paths: ReadonlyMap<string, Uint8Array>;
  readonly schemas: ReadonlyMap<string, Uint8Array>;
  readonly hash: string;
}

interface Parts<P, S> {
  readonly paths: ReadonlyMap<string, P>;
  readonly definitions: ReadonlyMap<string, S>;
}

/** Resources that are described together, and stay the same ones. */
export interface Unit {
  readonly infos: readonly ResourceInfo[];
  /** Made anew each time. */
  readonly describe: () => OpenApiDocument;
}

/** The pieces of one form of document, each written when first asked for. */
export class Pieces<P extends object, S extends object> {
  readonly #parts: (unit: Unit) => Parts<P, S>;
  readonly #writer: MemberWriter<P, S>;
  readonly #made = new WeakMap<Unit, Piece>();
  /** Schemas of the type tables, which many pieces have. */
  readonly #shared = new Map<string, Uint8Array>();

  /** @param parts what a unit adds */
  constructor(parts: (unit: Unit) => Parts<P, S>, writer: MemberWriter<P, S>) {
    this.#parts = parts;
    this.#writer = writer;
  }

  has(unit: Unit): boolean {
    return this.#made.has(unit);
  }

  of(unit: Unit): Piece {
    let piece = this.#made.get(unit);
    if (piece === undefined) {
      const own = new Set(customInfos(unit).map((info) => customName(info, info.kind)));
      piece = this.written(this.#parts(unit), (name) => !own.has(name) && Object.hasOwn(tables, name));
      this.#made.set(unit, piece);
    }
    return piece;
  }

  /** @param isShared whether a schema is that of the type tables. Default: none is */
  written({ paths, definitions }: Parts<P, S>, isShared: (name: string) => boolean = () => false): Piece {
    const schema = (name: string, value: S): Uint8Array => {
      const known = isShared(name) ? this.#shared.get(name) : undefined;
      const bytes = known ?? this.#writer.schema(name, value);
      if (isShared(name)) this.#shared.set(name, bytes);
      return bytes;
    };
    const piece = {
      paths: new Map(Array.from(paths, ([name, value]) => [name, this.#writer.path(name, value)])),
      schemas: new Map(Array.from(definitions, ([name, value]) => [name, schema(name, value)])),
    };
    const hash = contentHash([...piece.paths.values(), ...piece.schemas.values()]);
    return { ...piece, hash };
  }

  /** One document, its members sorted by name. Of members of the same name the first counts. */
  joined(pieces: readonly Piece[]): StoredDocument {
    const sorted = (of: 'paths' | 'schemas'): readonly Uint8Array[] =>
      [...new Map(pieces.toReversed().flatMap((piece) => [...piece[of]]))]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, bytes]) => bytes);
    const frame = this.#writer.whole([], []);
    const hashes = pieces.map(({ hash }) => hash).toSorted();
    return { body: this.#writer.whole(sorted('paths'), sorted('schemas')), hash: contentHash([frame, Buffer.from(hashes.join())]) };
  }
}

const customInfos = ({ infos }: Unit): readonly ResourceInfo[] => infos.filter(({ origin }) => origin === 'custom');

/** What a unit is in v2, which has schemas of its own of custom resources. */
export const swaggerOf = (unit: Unit): SwaggerParts =>
  swaggerParts(unit.describe(), new Map(customInfos(unit).map((info) => [customName(info, info.kind), customObjectSchema(info, 'v2')])));

/** Of `/openapi/v2`. */
export const swaggerPieces = {
  json: () => new Pieces(swaggerOf, jsonWriter(SWAGGER_FRAME, [',"paths":{', '},"definitions":{', '}}'])),
  protobuf: () => new Pieces(swaggerOf, SWAGGER_PROTOBUF),
} as const;

/** Of a group version that only definitions have resources of, in v3. */
export const customPieces = (): Pieces<object, object> =>
  new Pieces(
    (unit) => {
      const { paths, components } = unit.describe();
      return { paths: new Map(Object.entries(paths)), definitions: new Map(Object.entries(components.schemas ?? {})) };
    },
    jsonWriter(CUSTOM_FRAME, [',"paths":{', '},"components":{"schemas":{', '}}}']),
  );
