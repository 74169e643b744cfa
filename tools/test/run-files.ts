// Runs test files, each in a process of its own, and prints what became of each as it ends.
import { relative } from 'node:path';
import { run } from 'node:test';
import { ROOT } from '../node.mjs';
import { FileReport } from './file-report.ts';
import { addTallies, EMPTY_TALLY, type Tally } from './tally.ts';

export interface Phase {
  /** From the root of the project. */
  readonly files: readonly string[];
  readonly concurrency: number;
  /** Milliseconds; a file that has not ended by then hangs: it is killed and counts as failed. */
  readonly timeout: number;
  /** Only tests whose name matches. */
  readonly name?: RegExp | undefined;
}

export interface FailedFile {
  readonly file: string;
  /** One line a test that did not pass. */
  readonly failures: readonly string[];
  /** What the file adds to its phase's tally. */
  readonly tally: Tally;
}

export interface PhaseResult {
  readonly tally: Tally;
  readonly failed: readonly FailedFile[];
}

/** A file of which node says nothing but that it ended badly (killed, or it could not be loaded) is one failed test. */
const ONE_FAILED: Tally = { ...EMPTY_TALLY, tests: 1, failed: 1 };

/** Prints one line a file, and all there is to know of one that failed. */
export async function runFiles({ files, concurrency, timeout, name }: Phase): Promise<PhaseResult> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  const events = run({
    files: files.map((file) => `${ROOT}${file}`),
    concurrency,
    isolation: 'process',
    timeout,
    signal: stop.signal,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(name === undefined ? {} : { testNamePatterns: [name] }),
  });

  const reports = new Map<string, FileReport>();
  const reportOf = (file: string): FileReport => {
    const known = reports.get(file);
    if (known !== undefined) return known;
    const report = new FileReport(relative(ROOT, file));
    reports.set(file, report);
    return report;
  };

  const failed: FailedFile[] = [];
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
        } else {
          // What a test file imports may define tests and hooks too: they are the test file's.
          reportOf(event.data.entryFile ?? event.data.file).outcome(event.type, event.data);
        }
        break;
      case 'test:stdout':
      case 'test:stderr':
        reportOf(event.data.file).output(event.data.message);
        break;
      case 'test:summary': {
        const { counts, duration_ms: durationMs, file } = event.data;
        if (file === undefined) {
          tally = tallyOf(counts, hollow);
          break;
        }
        const report = reportOf(file);
        console.log(report.lines(counts.tests, durationMs).join('\n'));
        if (report.failures.length > 0) {
          const ofTests = tallyOf(counts, report.isHollow ? 1 : 0);
          const ofHooks = { ...EMPTY_TALLY, tests: report.hookFailures, failed: report.hookFailures };
          failed.push({ file: relative(ROOT, file), failures: report.failures, tally: addTallies(ofTests, ofHooks) });
        }
        reports.delete(file);
        break;
      }
      default: // starts, plans, coverage: nothing to print
    }
  }
  // A file that ended without a summary of its own still has its say.
  for (const [file, report] of reports) {
    if (report.failures.length === 0) continue;
    console.log(report.lines(0, 0).join('\n'));
    failed.push({ file: relative(ROOT, file), failures: report.failures, tally: ONE_FAILED });
  }
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  return { tally, failed };
}

type Counts = Omit<Tally, 'failed'>;

/** Node's counts have no failures; `hollow` files passed there. */
function tallyOf(counts: Counts, hollow: number): Tally {
  const { tests, suites, passed, cancelled, skipped, todo } = counts;
  return { tests, suites, passed: passed - hollow, failed: tests - passed - cancelled - skipped - todo + hollow, cancelled, skipped, todo };
}
