// Versions that Proa shows and checks.
import { readFileSync } from 'node:fs';
import { PACKAGE_JSON } from './checkout.ts';

/** Of Proa itself. */
export const PROA_VERSION: string = (JSON.parse(readFileSync(PACKAGE_JSON, 'utf8')) as { readonly version: string }).version;

/** Raised when the data folder's layout changes in a way that an older or newer Proa cannot read. */
export const STATE_VERSION = '1';
