// Runs the tests: those of src/ and tools/ side by side, those of test/ (whole clusters) one after the other, each file
// in a process of its own.
//
//   npm test                               everything
//   npm test -- src/store test/walks       files under these folders
//   npm test -- src/store --name 'range'   only tests whose name matches
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { typescriptFiles } from './files.ts';
import { ROOT } from './node.mjs';
import { FileReport } from './test/file-report.ts';
import { addTallies, closingLines, EMPTY_TALLY, type Tally, unproven } from './test/tally.ts';

/** A file that has not ended by then hangs: it is killed and counts as failed. Milliseconds; no test is timed by this. */
const HANGS_AFTER_MS = { beside: 300_000, alone: 1_200_000 };

interface Phase {
  readonly files: readonly string[];
  readonly concurrency: number;
  readonly timeout: number;
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({ options: { name: { type: 'string' } }, allowPositionals: true });
  const files = typescriptFiles(positionals).filter((file) => file.endsWith('.test.ts'));
  const alone = (file: string): boolean => file.startsWith('test/');
  const phases: Phase[] = [
    { files: files.filter((file) => !alone(file)), concurrency: availableParallelism(), timeout: HANGS_AFTER_MS.beside },
    { files: files.filter(alone), concurrency: 1, timeout: HANGS_AFTER_MS.alone },
  ];

  const start = performance.now();
  const failures: string[] = [];
  let tally = EMPTY_TALLY;
  for (const phase of phases) {
    if (phase.files.length > 0) tally = addTallies(tally, await runPhase(phase, values.name, failures));
  }

  if (failures.length > 0) console.log(`\nNot passed:\n${failures.map((line) => `  ${line}`).join('\n')}`);
  console.log(`\n${closingLines(tally, performance.now() - start).join('\n')}`);
  if (tally.tests === 0) console.error('no test ran');
  return tally.tests > 0 && unproven(tally) === 0;
}

/** Runs the phase's files, prints one line a file (and all there is to know of one that failed), adds to `failures`. */
async function runPhase(phase: Phase, name: string | undefined, failures: string[]): Promise<Tally> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  const events = run({
    files: phase.files.map((file) => `${ROOT}${file}`),
    concurrency: phase.concurrency,
    isolation: 'process',
    timeout: phase.timeout,
    signal: stop.signal,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(name === undefined ? {} : { testNamePatterns: [new RegExp(name)] }),
  });

  const reports = new Map<string, FileReport>();
  const reportOf = (file: string): FileReport => {
    const known = reports.get(file);
    if (known !== undefined) return known;
    const report = new FileReport(relative(ROOT, file));
    reports.set(file, report);
    return report;
  };

  let hollow = 0;
  let tally = EMPTY_TALLY;
  for await (const event of events) {
    switch (event.type) {
      case 'test:pass':
      case 'test:fail':
        if (event.data.file === undefined) break;
        // Node lets a file without tests pass as one test that bears the file's name.
        if (event.type === 'test:pass' && event.data.name === event.data.file) {
          hollow += 1;
          reportOf(event.data.file).hollow();
        } else reportOf(event.data.file).outcome(event.type, event.data);
        break;
      case 'test:stdout':
      case 'test:stderr':
        reportOf(event.data.file).output(event.data.message);
        break;
      case 'test:summary': {
        const { counts, duration_ms: durationMs, file } = event.data;
        if (file === undefined) {
          const { tests, passed, cancelled, skipped, todo } = counts;
          tally = { ...counts, passed: passed - hollow, failed: tests - passed - cancelled - skipped - todo + hollow };
          break;
        }
        const report = reportOf(file);
        console.log(report.lines(counts.tests, durationMs).join('\n'));
        failures.push(...report.failures);
        reports.delete(file);
        break;
      }
      default: // starts, plans, coverage: nothing to print
    }
  }
  // A file that ended without a summary of its own (killed, or it could not be loaded) still has its say.
  for (const report of reports.values()) {
    if (report.failures.length > 0) console.log(report.lines(0, 0).join('\n'));
    failures.push(...report.failures);
  }
  return tally;
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
