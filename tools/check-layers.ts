// Checks the import law and the other rules of ARCHITECTURE.md that no linter knows: `check-layers.ts [PATH...]`.
import { readFileSync } from 'node:fs';
import { typescriptFiles } from './files.ts';
import { problemsOf } from './layers/rules.ts';
import { readSource } from './layers/source.ts';
import { ROOT } from './node.mjs';

const files = typescriptFiles(process.argv.slice(2));
const problems = files.flatMap((path) => problemsOf(readSource(path, readFileSync(`${ROOT}${path}`, 'utf8'))));
for (const { severity, path, line, message } of problems) console.log(`${path}:${line}: ${severity}: ${message}`);

const errors = problems.filter(({ severity }) => severity === 'error').length;
console.log(`${files.length} files, ${errors} errors, ${problems.length - errors} warnings`);
if (errors > 0) process.exitCode = 1;
