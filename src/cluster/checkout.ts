// Where this checkout lies. The program runs from its sources or from a bundle of them, and both lie below its package.json.
import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';

export const PACKAGE_JSON = packageJson();

/** Absolute. */
export const CHECKOUT = dirname(PACKAGE_JSON);

function packageJson(): string {
  const found = findPackageJSON(import.meta.url);
  if (found === undefined) throw new Error(`there is no package.json above ${import.meta.url}`);
  return found;
}
