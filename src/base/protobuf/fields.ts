// Fields of schemas that are written by hand.
import type { ProtoField } from './schema.ts';

export const optionalField = (n: number, type: string): ProtoField => ({ n, type, label: 'optional' });

export const repeatedField = (n: number, type: string): ProtoField => ({ n, type, label: 'repeated' });

/** With strings as keys. */
export const mapField = (n: number, value: string): ProtoField => ({ n, type: 'map', label: 'map', key: 'string', value });
