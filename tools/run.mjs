// Runs a TypeScript file of this checkout under a Node that is new enough: `node tools/run.mjs FILE [ARGUMENT...]`.
import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { newNode } from './node.mjs';

/** @type {NodeJS.Signals[]} */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: node tools/run.mjs FILE [ARGUMENT...]');
  process.exit(2);
}

let node;
try {
  node = newNode();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

const child = spawn(node, ['--disable-warning=ExperimentalWarning', file, ...args], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` },
});
// A terminal sends its signals to the child too: stay alive until the child has ended.
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`cannot run ${node}: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const each of SIGNALS) process.removeAllListeners(each);
  process.kill(process.pid, signal);
});
