// Everything that machines hold about the code, in one go: `npm run check [-- PATH...]`.
// With paths, only problems in these are shown and counted.
import { spawnSync } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { typescriptFiles } from './files.ts';
import { ROOT } from './node.mjs';

/** What code that nothing uses does to the check: `refuse` once every module is wired into the whole. */
const UNUSED_CODE: 'report' | 'refuse' = 'report';

interface Step {
  readonly name: string;
  readonly run: () => Outcome;
}

interface Outcome {
  readonly passed: boolean;
  /** Printed when the step did not pass, or when there is something to say all the same. */
  readonly text: string;
}

const paths = process.argv.slice(2).map((path) => relative(ROOT, resolve(path)));

const STEPS: readonly Step[] = [
  { name: 'types', run: types },
  { name: 'lint', run: () => tool('oxlint/bin/oxlint', ['--deny-warnings', ...paths]) },
  { name: 'format', run: () => tool('oxfmt/bin/oxfmt', ['--check', ...paths]) },
  { name: 'layers', run: layers },
  { name: 'unused', run: unused },
];

/** The compiler always reads the whole tree, since a change shows elsewhere; paths select what it says. */
function types(): Outcome {
  const { passed, text } = tool('typescript/bin/tsc', ['-p', '.', '--pretty', 'false']);
  if (passed || paths.length === 0) return { passed, text };
  // A message may go on in indented lines.
  const said = text
    .split(/\n(?=\S)/)
    .filter((message) => paths.some((path) => message.startsWith(`${path}/`) || message.startsWith(`${path}(`)));
  return { passed: said.length === 0, text: said.join('\n') };
}

function layers(): Outcome {
  const outcome = node(['tools/check-layers.ts', ...paths]);
  return outcome.text.includes(' 0 warnings') ? { ...outcome, text: outcome.passed ? '' : outcome.text } : outcome;
}

/** What is unused can be told of the whole only. */
function unused(): Outcome {
  if (paths.length > 0) return { passed: true, text: '' };
  const { passed, text } = tool('knip/bin/knip.js', ['--no-progress', '--no-config-hints']);
  if (UNUSED_CODE === 'refuse' || passed) return { passed, text };
  const groups = text.split('\n').filter((line) => /^Unused|^Unlisted|^Unresolved|^Duplicate/.test(line));
  return { passed: true, text: `${groups.join('; ')} (npx knip lists them)` };
}

function tool(path: string, args: readonly string[]): Outcome {
  return node([`node_modules/${path}`, ...args]);
}

function node(args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...args], { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (error !== undefined) throw error;
  return { passed: status === 0, text: `${stdout}${stderr}`.trim() };
}

typescriptFiles(paths.map((path) => resolve(ROOT, path))); // refuses a path that does not exist
let failed = 0;
for (const { name, run } of STEPS) {
  const start = performance.now();
  const { passed, text } = run();
  if (!passed) failed += 1;
  console.log(`${passed ? '✔' : '✖'} ${name} (${Math.round(performance.now() - start)} ms)`);
  if (!passed || name === 'layers' || name === 'unused') {
    if (text !== '') console.log(text.replace(/^/gm, '    '));
  }
}
if (failed > 0) {
  console.log(`${failed} of ${STEPS.length} checks failed`);
  process.exitCode = 1;
}
