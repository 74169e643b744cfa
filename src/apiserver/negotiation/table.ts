// meta.k8s.io Table: rows from a kind's printer, or name and age for kinds without one.
// Source: rest.defaultTableConvertor, handlers/response.go asTable.
import { badRequest } from '#apimachinery/errors.ts';
import { errorText, invalid } from '#apimachinery/field-errors.ts';
import { humanDuration } from '#apimachinery/duration.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import type { Printers, TableColumn, TablePrinter, TableRow } from '../printers/contract.ts';
import { metadataOnly } from './partial-metadata.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** @throws StatusError BadRequest. Source: optionsForTransform, ValidateTableOptions. */
export function parseIncludeObject(text: string | undefined): IncludeObject {
  if (text === undefined || text === '') return 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  const why = invalid('includeObject', text, "must be 'Metadata', 'Object', 'None', or empty");
  throw badRequest(`Unable to convert to Table as requested: ${errorText(why)}`);
}

const NAME_COLUMN: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  priority: 0,
};

const CREATED_COLUMN: TableColumn = {
  name: 'Created At',
  type: 'date',
  format: '',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  priority: 0,
};

/** For kinds without a printer. */
const GENERIC: TablePrinter = {
  columns: [NAME_COLUMN, CREATED_COLUMN],
  rows: ({ metadata }) => [{ cells: [metadata.name, metadata.creationTimestamp] }],
};

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly object[];
}

/** What objects are printed as: a ServedResource, or a kind without a resource of its own. */
export interface PrintedKind {
  readonly info: Pick<ResourceInfo, 'group' | 'version' | 'kind' | 'listKind' | 'origin'>;
  /** Columns of its own, before those of its kind. */
  readonly printer?: TablePrinter;
}

export class TableMaker {
  readonly includeObject: IncludeObject;
  readonly #printers: Printers;
  readonly #now: () => number;

  constructor({
    printers,
    includeObject,
    now,
  }: {
    readonly printers: Printers;
    readonly includeObject: IncludeObject;
    readonly now: () => number;
  }) {
    this.#printers = printers;
    this.includeObject = includeObject;
    this.#now = now;
  }

  /** `columns` false: a later event of a watch, whose client knows them. `metadata`: of a list. */
  table(
    served: PrintedKind,
    objects: readonly KubeObject[],
    apiVersion: string,
    columns = true,
    metadata?: Readonly<Record<string, unknown>>,
  ): Table {
    const printer = this.#printer(served);
    const context = { now: this.#now() };
    const rows = objects.flatMap((object) => printer.rows(object, context).map((row) => ({ ...row, ...this.#object(object, apiVersion) })));
    const [only] = objects;
    return {
      kind: 'Table',
      apiVersion,
      metadata: metadata ?? { resourceVersion: only?.metadata.resourceVersion ?? '' },
      columnDefinitions: columns ? printer.columns : [],
      rows,
    };
  }

  /** Items of a list in the order of their rows. */
  ordered<T>(served: PrintedKind, items: readonly T[], objectOf: (item: T) => KubeObject): readonly T[] {
    const { order } = this.#printer(served);
    return order === undefined ? items : items.toSorted((a, b) => order(objectOf(a), objectOf(b)));
  }

  /** Rows without their objects, for whoever has those as bytes. */
  printed(served: PrintedKind): (object: KubeObject) => readonly TableRow[] {
    const printer = this.#printer(served);
    const context = { now: this.#now() };
    return (object) => printer.rows(object, context);
  }

  #printer({ info, printer }: PrintedKind): TablePrinter {
    return printer ?? this.#printers.find(info) ?? GENERIC;
  }

  /** Null for none: a RawExtension is never left out. */
  #object(object: KubeObject, apiVersion: string): { readonly object: unknown } {
    if (this.includeObject === 'Object') return { object };
    if (this.includeObject === 'Metadata') return { object: metadataOnly(object, apiVersion) };
    return { object: null };
  }
}

/** An age as tables show it; `<unknown>` for none. Source: printers TranslateTimestampSince. */
export function age(timestamp: string | undefined | null, now: number): string {
  return timestamp === undefined || timestamp === null || timestamp === '' ? '<unknown>' : humanDuration(now - parseTime(timestamp));
}
