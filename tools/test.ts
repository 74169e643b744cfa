// Runs the tests: those of src/ and tools/ side by side, those of test/ (whole clusters) one after the other, each file
// in a process of its own.
//
//   npm test                               everything
//   npm test -- src/store test/walks       files under these folders
//   npm test -- src/store --name 'range'   only tests whose name matches
//   npm test -- --again                    a few failed files have a second run, see `ranAgain`
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { typescriptFiles } from './files.ts';
import { type FailedFile, type Phase, type PhaseResult, runFiles } from './test/run-files.ts';
import { addTallies, closingLines, EMPTY_TALLY, subtractTallies, type Tally, unproven } from './test/tally.ts';

/** No test is timed by this. Milliseconds. */
const HANGS_AFTER_MS = { beside: 300_000, alone: 1_200_000 };

/** More failed files than this are no matter of luck. */
const MOST_AGAIN = 3;

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    options: { name: { type: 'string' }, again: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const files = typescriptFiles(positionals).filter((file) => file.endsWith('.test.ts'));
  const alone = (file: string): boolean => file.startsWith('test/');
  const name = values.name === undefined ? undefined : new RegExp(values.name);
  const phases: Phase[] = [
    { files: files.filter((file) => !alone(file)), concurrency: availableParallelism(), timeout: HANGS_AFTER_MS.beside, name },
    { files: files.filter(alone), concurrency: 1, timeout: HANGS_AFTER_MS.alone, name },
  ];

  const start = performance.now();
  let result: PhaseResult = { tally: EMPTY_TALLY, failed: [] };
  for (const phase of phases) {
    if (phase.files.length === 0) continue;
    const { tally, failed } = await runFiles(phase);
    result = { tally: addTallies(result.tally, tally), failed: [...result.failed, ...failed] };
  }
  if (values.again && result.failed.length > 0 && result.failed.length <= MOST_AGAIN) result = await ranAgain(result, name);

  const { tally, failed } = result;
  if (failed.length > 0) console.log(listed('Not passed', failed));
  console.log(`\n${closingLines(tally, performance.now() - start).join('\n')}`);
  if (tally.tests === 0) console.error('no test ran');
  return tally.tests > 0 && unproven(tally) === 0;
}

/**
 * The result once the failed files have run a second time, alone. A test that then passes is unsteady: that is a bug, of
 * the test or of what it tests, and is named here to be mended; it does not hold up a change that has nothing to do with it.
 */
async function ranAgain(first: PhaseResult, name: RegExp | undefined): Promise<PhaseResult> {
  console.log('\nOnce more, alone:');
  const files = first.failed.map(({ file }) => file);
  const second = await runFiles({ files, concurrency: 1, timeout: HANGS_AFTER_MS.alone, name });
  const still = new Set(second.failed.map(({ file }) => file));
  const unsteady = first.failed.filter(({ file }) => !still.has(file));
  if (unsteady.length > 0) console.log(listed('Unsteady (failed, then passed)', unsteady));
  const before = first.failed.reduce<Tally>((tally, file) => subtractTallies(tally, file.tally), first.tally);
  return { tally: addTallies(before, second.tally), failed: second.failed };
}

function listed(title: string, files: readonly FailedFile[]): string {
  return `\n${title}:\n${files.flatMap(({ failures }) => failures.map((line) => `  ${line}`)).join('\n')}`;
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
