// Which Node runs Proa's own TypeScript. Plain JavaScript for Node 20: it is needed before anything is installed.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** First major version that runs TypeScript as it is. */
export const OLDEST_NODE = 24;

/** The Node pinned as an npm package, or undefined where it is not installed. */
export function packagedNode(root = ROOT) {
  const path = `${root}node_modules/node-${process.platform}-${process.arch}/bin/node`;
  return existsSync(path) ? path : undefined;
}

/**
 * The packaged Node when there is one, since that is the version the tests are run with; else this process's own.
 * @throws Error with a way out when neither is new enough
 */
export function newNode(root = ROOT) {
  const packaged = packagedNode(root);
  if (packaged !== undefined) return packaged;
  if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) return process.execPath;
  throw new Error(`Proa needs Node.js ${OLDEST_NODE} or newer and found only ${process.version}; run: npm install`);
}
