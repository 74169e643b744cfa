import assert from 'node:assert/strict';
import type { KubeObject } from '#api/types.ts';
import type { TableCell } from './contract.ts';
import { defaultPrinters } from './default-printers.ts';

export const NOW = Date.UTC(2026, 0, 2);
/** Of an object that is five minutes old at `NOW`. */
export const metadata = { name: 'web', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T23:55:00Z' };

/** Cells of an object, by column. */
export function printed(group: string, kind: string, object: object, version = 'v1'): Record<string, TableCell> {
  const printer = defaultPrinters.find({ group, version, kind });
  assert.ok(printer !== undefined, `no printer for ${group}/${kind}`);
  const [row] = printer.rows({ kind, apiVersion: `${group}/${version}`, metadata, ...object } as KubeObject, { now: NOW });
  assert.equal(row?.cells.length, printer.columns.length);
  return Object.fromEntries(printer.columns.map(({ name }, index) => [name, row.cells[index] as TableCell]));
}
