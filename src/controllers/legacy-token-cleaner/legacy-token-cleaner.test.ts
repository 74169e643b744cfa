import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret, ServiceAccount } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import { dateOf, fateOf, INVALID_SINCE, LAST_USED, PERIOD_MS } from './plan.ts';

const NOW = Date.UTC(2026, 5, 1);
const DAY_MS = 24 * 60 * 60 * 1000;

const secret = (labels: Readonly<Record<string, string>> = {}, created = NOW - 2 * PERIOD_MS): Secret =>
  ({
    metadata: {
      name: 't',
      namespace: 'ns',
      creationTimestamp: formatTime(created),
      labels,
      annotations: { 'kubernetes.io/service-account.uid': 'u' },
    },
  }) as unknown as Secret;

const account = (names: readonly string[] = ['t'], uid = 'u'): ServiceAccount =>
  ({ metadata: { uid }, secrets: names.map((name) => ({ name })) }) as unknown as ServiceAccount;

for (const [name, given, of, mounted, want] of [
  ['marks a token nobody ever used', secret(), account(), false, { kind: 'invalidate', since: '2026-06-01' }],
  [
    'marks one that was last used long ago',
    secret({ [LAST_USED]: dateOf(NOW - PERIOD_MS - DAY_MS) }),
    account(),
    false,
    { kind: 'invalidate', since: '2026-06-01' },
  ],
  ['keeps one that was used within the period', secret({ [LAST_USED]: dateOf(NOW - DAY_MS) }), account(), false, { kind: 'keep' }],
  ['keeps one of which it is not known when it was used', secret({ [LAST_USED]: '2022-12-27-1' }), account(), false, { kind: 'keep' }],
  ['keeps a young one', secret({}, NOW - DAY_MS), account(), false, { kind: 'keep' }],
  ['keeps one that a pod mounts', secret(), account(), true, { kind: 'keep' }],
  ['keeps one that its account does not list: somebody made it by hand', secret(), account([]), false, { kind: 'keep' }],
  ['keeps one of an account that is gone', secret(), undefined, false, { kind: 'keep' }],
  ['keeps one of an older account of the name', secret(), account(['t'], 'other'), false, { kind: 'keep' }],
  [
    'deletes one a period after it was marked',
    secret({ [INVALID_SINCE]: dateOf(NOW - PERIOD_MS - DAY_MS) }),
    account(),
    false,
    { kind: 'delete' },
  ],
  ['waits that period', secret({ [INVALID_SINCE]: dateOf(NOW - DAY_MS) }), account(), false, { kind: 'keep' }],
  ['marks anew what is no date', secret({ [INVALID_SINCE]: 'x' }), account(), false, { kind: 'invalidate', since: '2026-06-01' }],
] as const) {
  test(`fateOf ${name}`, () => assert.deepEqual(fateOf(given, { account: of, mounted, now: NOW }), want));
}
