import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Path } from '#apimachinery/field-path.ts';
import { seededIds } from '#base/ids.ts';
import { Problems } from '../problems.ts';
import { validateIscsi } from './volume-kinds.ts';

function isIqn(iqn: string): boolean {
  const problems = new Problems();
  validateIscsi(problems, Path.of('iscsi'), { targetPortal: '10.0.0.1', iqn, lun: 0 } as never);
  return problems.none;
}

/** Source: iscsiInitiatorIqnRegex. */
const UPSTREAM = /iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$/;

test('a name of iSCSI is what upstream takes for one', () => {
  const { fraction } = seededIds(1);
  const parts = ['iqn.2001-04.', 'iqn', '.', 'com', '-', ':', '::', 'a_b', ' ', ',', '$', '\n', '9'];
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const length = 1 + Math.floor(fraction() * 8);
    const name = `iqn.2001-04.${Array.from({ length }, () => parts[Math.floor(fraction() * parts.length)]).join('')}`;
    const expected = UPSTREAM.test(name);
    if (expected) taken++;
    assert.equal(isIqn(name), expected, JSON.stringify(name));
  }
  assert.ok(taken > 500 && taken < 19_500, `${taken}`);
});

test('a name of iSCSI of a mebibyte that is made to be read again and again is read once', () => {
  for (const again of ['iqn.0000-00.q', 'iqn.0000-00.', 'a', ':', '-.'])
    assert.equal(isIqn(`iqn.${again.repeat((1 << 20) / again.length)}$`), false);
});
