import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../source.ts';
import { parse } from './parser.ts';

const OPERANDS = 'NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER';
const WANTED = `{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', ${OPERANDS}}`;

// Columns begin at 1. Expected: cel-go v0.26.0.
for (const [text, column, message] of [
  ['1 in [1, 2, ', 13, `missing ']' at '<EOF>'`],
  ['[1, 2, )', 8, `mismatched input ')' expecting ']'`],
  ['[1, }', 5, `mismatched input '}' expecting ']'`],
  ['[1, ) ]', 5, `extraneous input ')' expecting ']'`],
  ['[1,,2]', 4, `mismatched input ',' expecting ']'`],
  ['[1, 2 ', 7, `mismatched input '<EOF>' expecting {']', ','}`],
  ['[1, ?', 6, `mismatched input '<EOF>' expecting ${WANTED}`],
  ['[', 2, `mismatched input '<EOF>' expecting {'[', ']', '{', '(', '.', ',', '-', '!', '?', 'true', 'false', 'null', ${OPERANDS}}`],
  ['{1: 2, ', 8, `missing '}' at '<EOF>'`],
  ['{1: 2,, 3: 4}', 7, `mismatched input ',' expecting '}'`],
  ['a.b{c: 1, ', 11, `missing '}' at '<EOF>'`],
  ['A{', 3, `mismatched input '<EOF>' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}`],
  ['f(1, ', 6, `mismatched input '<EOF>' expecting ${WANTED}`],
  ['f(1 ', 5, `missing ')' at '<EOF>'`],
  ['(1', 3, `missing ')' at '<EOF>'`],
  ['a[1', 4, `missing ']' at '<EOF>'`],
] as const) {
  test(`parse refuses ${text} in upstream's words`, () => {
    const problems = new Problems(text);
    assert.equal(parse(text, problems), undefined);
    assert.deepEqual(
      problems.issues().map((issue) => [issue.column, issue.message]),
      [[column, `Syntax error: ${message}`]],
    );
  });
}
