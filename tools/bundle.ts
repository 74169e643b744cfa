// Bundles this checkout's program; tools/setup.mjs runs it when the bundle is missing or older than the sources.
import { ROOT } from './node.mjs';
import { bundleProgram } from './program/bundle.ts';

try {
  await bundleProgram(ROOT);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
