// Whether the program has a bundle of the sources that are there (tools/program). Plain JavaScript for Node 20.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @param {string} root of the checkout */
export function programIsBundled(root) {
  const { stdout } = spawnSync('sh', [`${root}/tools/program/sources.sh`, root], { encoding: 'utf8', maxBuffer: 64 << 20 });
  try {
    return stdout !== '' && readFileSync(`${root}/.cache/program/current/sources`, 'utf8') === stdout;
  } catch {
    return false; // there is no bundle yet
  }
}
