// Objects as tables (`Accept: application/json;as=Table`). Printers fill this folder, one file a group of kinds; ../negotiation
// builds the Table around them.
import type { KubeObject } from '#api/types.ts';

/** Source: metav1.TableColumnDefinition. */
export interface TableColumn {
  /** `Name`, `Ready`, … as kubectl prints it in capitals. */
  readonly name: string;
  /** OpenAPI type. */
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** OpenAPI format; `name` marks the name column. Empty for none. */
  readonly format: string;
  readonly description: string;
  /** 0 is always shown; above that only with `-o wide`. */
  readonly priority: number;
}

export type TableCell = string | number | bigint | boolean | null;

/** Source: metav1.TableRowCondition; a finished pod has `Completed`. */
export interface TableRowCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
}

/** One object may give several rows (lists inside one kind do); almost all give one. */
export interface TableRow {
  /** As many as columns. */
  readonly cells: readonly TableCell[];
  readonly conditions?: readonly TableRowCondition[];
}

export interface PrintContext {
  /** Milliseconds since the epoch, for ages. */
  readonly now: number;
}

/** Pure: same object and time, same rows. `T` is the versioned object as served. */
export interface TablePrinter<T = KubeObject> {
  readonly columns: readonly TableColumn[];
  /** Which object's rows come first in the table of a list. Default: the order of the list. */
  readonly order?: (a: T, b: T) => number;
  rows(object: T, context: PrintContext): readonly TableRow[];
}

/** Printers by kind. Kinds without one get the default Name and Created At columns (../negotiation/table.ts). */
export interface Printers {
  find(kind: { readonly group: string; readonly version: string; readonly kind: string }): TablePrinter | undefined;
}

export const NO_PRINTERS: Printers = { find: () => undefined };
