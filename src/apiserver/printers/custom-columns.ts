// Columns a CRD states for its objects (additionalPrinterColumns). Source: apiextensions pkg/registry/customresource/tableconvertor.
import type { CustomResourceColumnDefinition, KubeObject } from '#api/types.ts';
import { humanDuration } from '#apimachinery/duration.ts';
import { parseTime, TimeError } from '#apimachinery/time.ts';
import { created, name, printer, type FilledColumn } from './columns.ts';
import type { TableCell, TableColumn, TablePrinter } from './contract.ts';
import { compileJsonPath, JsonPathError } from './json-path.ts';

/** Name first, then the columns; name and age without columns, or with one that cannot be read. */
export function customPrinter(columns: readonly CustomResourceColumnDefinition[] | undefined): TablePrinter {
  const stated = columns === undefined || columns.length === 0 ? undefined : filledColumns(columns);
  return printer<KubeObject>([name, ...(stated ?? [CREATED])]);
}

/** Said to be a date, though it is an age. Source: tableconvertor New. */
const CREATED: FilledColumn<KubeObject> = { ...created, type: 'date' };

function filledColumns(columns: readonly CustomResourceColumnDefinition[]): readonly FilledColumn<KubeObject>[] | undefined {
  try {
    return columns.map(filledColumn);
  } catch (error) {
    if (error instanceof JsonPathError) return undefined;
    throw error;
  }
}

const TYPES: ReadonlySet<string> = new Set<TableColumn['type']>(['string', 'integer', 'number', 'boolean', 'date']);

/** @throws JsonPathError */
function filledColumn({
  name: title,
  type,
  format = '',
  description = '',
  priority = 0,
  jsonPath,
}: CustomResourceColumnDefinition): FilledColumn<KubeObject> {
  const select = compileJsonPath(jsonPath);
  const kind = TYPES.has(type) ? (type as TableColumn['type']) : 'string';
  return {
    name: title,
    type: kind,
    format,
    description: description === '' ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : description,
    priority,
    cell: (object, now) => {
      const [value] = select(object);
      return value === undefined || value === null ? null : cellOf(kind, value, now);
    },
  };
}

/** A value of another type than the column's is not shown. Source: cellForJSONValue. */
function cellOf(type: TableColumn['type'], value: unknown, now: number): TableCell {
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' ? value : typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? since(value, now) : null;
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}

function since(text: string, now: number): string {
  try {
    return humanDuration(now - parseTime(text));
  } catch (error) {
    if (error instanceof TimeError) return '<invalid>';
    throw error;
  }
}
