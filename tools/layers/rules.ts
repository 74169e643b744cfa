// The architecture's rules for one file, each a function from what was read to what is wrong.
import { basename, dirname, join, normalize } from 'node:path';
import { isModule, mayImport, moduleOf, ownsClock } from './law.ts';
import type { Import, Source } from './source.ts';

export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

type Rule = (source: Source) => Problem[];

const LONG = 300;
const TOO_LONG = 500;
const TEST_TOO_LONG = 800;

/** Never edited and never read as prose: only its imports are checked. */
const GENERATED = 'src/api/gen/';

const EFFECTFUL_MODULES = 'child_process cluster dgram dns fs http http2 https net os process readline timers tls tty worker_threads'.split(
  ' ',
);

/** A name that says nothing about what is inside. */
const EMPTY_NAME = /^(?:.*-)?(?:utils?|helpers?|misc|part\d+)$|^common$/;

const importLaw: Rule = (source) => source.imports.flatMap((each) => problemOfImport(source, each));

function problemOfImport(source: Source, { what, line, typeOnly }: Import): Problem[] {
  const from = moduleOf(source.path);
  const forTests = isForTests(source.path);
  const wrong = (message: string): Problem[] => [error(source, line, message)];

  const target = targetOf(source.path, what);
  if (target === undefined) return isPure(source) && !typeOnly ? effectProblem(source, what, line) : [];
  const to = moduleOf(target);

  if (what.startsWith('.') && to !== from) return wrong(`${what} leaves the module: write #${to}/…`);
  if (what.startsWith('#') && to === from) return wrong(`${what} is in the same module: write a relative path`);
  if (!isModule(to)) return wrong(`${what}: no module ${to} in the import law (tools/layers/law.ts)`);
  if (!mayImport(from, to, forTests)) return wrong(`${from} may not import ${to}: ${what}`);
  // What test/ offers, mayImport has judged: benchmarks and tools use the harness too.
  if (!forTests && to !== 'test' && isForTests(target)) return wrong(`${what} is for tests only`);
  return [];
}

/** The imported file from the checkout's root, or undefined for a package or a part of node. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier));
  if (!specifier.startsWith('#')) return undefined;
  const inside = specifier.slice(1);
  return inside.startsWith('test/') ? inside : `src/${inside}`;
}

function effectProblem(source: Source, specifier: string, line: number): Problem[] {
  const [name = ''] = specifier.replace(/^node:/, '').split('/');
  return EFFECTFUL_MODULES.includes(name) ? [error(source, line, `a pure file may not import ${specifier}`)] : [];
}

const purity: Rule = (source) =>
  isPure(source)
    ? [...source.asynchrony, ...source.effects].map(({ what, line }) => error(source, line, `a pure file may not use ${what}`))
    : [];

/** Decisions stand in `plan.ts` or `NAME-plan.ts`, or in a file that opens with the line `// pure`. */
function isPure({ path, text }: Source): boolean {
  return /^(?:.*-)?plan\.ts$/.test(basename(path)) || /^\/\/ pure\s*$/m.test(text.split('\n', 3).join('\n'));
}

const clock: Rule = (source) =>
  ownsClock(moduleOf(source.path))
    ? []
    : source.clockReads.map(({ what, line }) => error(source, line, `${what} reads the machine's clock: take a Clock (#base/clock.ts)`));

const size: Rule = (source) => {
  if (source.path.startsWith(GENERATED)) return [];
  const limit = source.path.endsWith('.test.ts') ? TEST_TOO_LONG : TOO_LONG;
  if (source.lines > limit) return [error(source, limit + 1, `${source.lines} lines, at most ${limit}: split by verb or step`)];
  if (limit === TOO_LONG && source.lines > LONG) {
    return [{ severity: 'warning', path: source.path, line: LONG + 1, message: `${source.lines} lines, ${LONG} wanted` }];
  }
  return [];
};

const names: Rule = (source) =>
  source.path
    .split('/')
    .map((segment) => segment.replace(/(?:\.test)?\.tsx?$/, ''))
    .filter((segment) => EMPTY_NAME.test(segment))
    .map((segment) => error(source, 1, `the name "${segment}" says nothing: name it for its noun`));

const knownModule: Rule = (source) =>
  isModule(moduleOf(source.path)) ? [] : [error(source, 1, `no module ${moduleOf(source.path)} in the import law (tools/layers/law.ts)`)];

const RULES: readonly Rule[] = [knownModule, importLaw, purity, clock, size, names];

export function problemsOf(source: Source): Problem[] {
  return RULES.flatMap((rule) => rule(source)).toSorted((a, b) => a.line - b.line);
}

/** Tests, and what is there for tests: `testing.ts` or a folder `testing/` of a module, and everything under test/. */
function isForTests(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('test/') || /(?:^|\/)testing(?:\/|\.ts$)/.test(path);
}

function error({ path }: Source, line: number, message: string): Problem {
  return { severity: 'error', path, line, message };
}
