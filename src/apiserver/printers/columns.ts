// A kind's table as a list of columns that know how to fill themselves, and the columns that many kinds have.
import type { KubeObject } from '#api/types.ts';
import { age } from '../negotiation/table.ts';
import type { TableCell, TableColumn, TablePrinter } from './contract.ts';

/** A column with what it shows of an object. `now`: milliseconds since the epoch. */
export interface FilledColumn<T> extends TableColumn {
  cell(object: T, now: number): TableCell;
}

/** One row an object, one cell a column. */
export function printer<T>(columns: readonly FilledColumn<T>[]): TablePrinter<T> {
  return {
    columns: columns.map(({ cell: _, ...column }) => column),
    rows: (object, { now }) => [{ cells: columns.map(({ cell }) => cell(object, now)) }],
  };
}

type Cell<T> = FilledColumn<T>['cell'];

export const text = <T>(name: string, description: string, cell: Cell<T>): FilledColumn<T> => ({
  name,
  type: 'string',
  format: '',
  description,
  priority: 0,
  cell,
});

export const integer = <T>(name: string, description: string, cell: Cell<T>): FilledColumn<T> => ({
  ...text(name, description, cell),
  type: 'integer',
});

export const boolean = <T>(name: string, description: string, cell: Cell<T>): FilledColumn<T> => ({
  ...text(name, description, cell),
  type: 'boolean',
});

/** Shown with `-o wide` only. */
export const wide = <T>(column: FilledColumn<T>): FilledColumn<T> => ({ ...column, priority: 1 });

export const NAME_COLUMN: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object, unique among objects of its kind in its namespace.',
  priority: 0,
};

export const AGE_COLUMN: TableColumn = {
  name: 'Age',
  type: 'string',
  format: '',
  description: 'Time since the object was created.',
  priority: 0,
};

type WithMetadata = Pick<KubeObject, 'metadata'>;

export const name: FilledColumn<WithMetadata> = { ...NAME_COLUMN, cell: ({ metadata }) => metadata.name };

export const created: FilledColumn<WithMetadata> = { ...AGE_COLUMN, cell: ({ metadata }, now) => age(metadata.creationTimestamp, now) };
