import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError, resourceExpired, tooManyRequests } from '#apimachinery/errors.ts';
import { nextDelay, type BackoffState } from '../backoff.ts';
import { ConnectionError } from '../contract.ts';
import {
  decide,
  firstStep,
  INITIAL_STATE,
  REFLECTOR_BACKOFF,
  type Decision,
  type Outcome,
  type ReflectorState,
  type Step,
} from './reflector-plan.ts';

const state = (fields: Partial<ReflectorState> = {}): ReflectorState => ({ ...INITIAL_STATE, ...fields });
const stream = (resourceVersion: string): Step => ({ kind: 'stream-list', resourceVersion });
const watch = (resourceVersion: string): Step => ({ kind: 'watch', resourceVersion });
const list = (resourceVersion: string, pageSize: number): Step => ({ kind: 'list', resourceVersion, pageSize });
const ended = (fields: Partial<Outcome & { readonly kind: 'ended' }> = {}): Outcome => ({
  kind: 'ended',
  synced: true,
  resourceVersion: '9',
  events: 3,
  lastedMs: 60_000,
  ...fields,
});
const failed = (error: unknown): Outcome => ({ kind: 'failed', error });

const gone = resourceExpired('too old resource version');
const future = new StatusError('Timeout', 'Too large resource version: 9, current: 3', { causes: [{ reason: 'ResourceVersionTooLarge' }] });
const unknown = new StatusError('Invalid', 'sendInitialEvents is forbidden');
const broken = new ConnectionError('reset');
const refused = new ConnectionError('GET /x', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) });
const full = tooManyRequests('slow down', 1);
const forbidden = new StatusError('Forbidden', 'no');
const internal = new StatusError('InternalError', 'oops');

const cases: readonly {
  readonly name: string;
  readonly from: ReflectorState;
  readonly step: Step;
  readonly outcome: Outcome;
  readonly want: readonly [Step, Decision['pause']];
}[] = [
  {
    name: 'watches from the listed version',
    from: state(),
    step: list('0', 500),
    outcome: { kind: 'listed', resourceVersion: '7', paginated: false },
    want: [watch('7'), 'none'],
  },
  {
    name: 'resumes a watch the server closed',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended(),
    want: [watch('9'), 'none'],
  },
  { name: 'resumes a streamed list that was synced', from: state(), step: stream(''), outcome: ended(), want: [watch('9'), 'none'] },
  {
    name: 'resumes at once after a break of a watch that had worked',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ error: broken }),
    want: [watch('9'), 'none'],
  },
  {
    name: 'pauses when a watch cannot connect',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ resourceVersion: '5', events: 0, lastedMs: 2, error: broken }),
    want: [watch('5'), 'backoff'],
  },
  {
    name: 'pauses shortly while nobody listens',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ resourceVersion: '5', events: 0, lastedMs: 2, error: refused }),
    want: [watch('5'), 'refused'],
  },
  {
    name: 'pauses shortly while there is nobody to list from',
    from: state(),
    step: stream(''),
    outcome: ended({ synced: false, error: refused }),
    want: [stream(''), 'refused'],
  },
  {
    name: 'pauses and keeps its place when the server has no room',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ error: full }),
    want: [watch('9'), 'backoff'],
  },
  {
    name: 'lists again after Expired, no older than it has',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ error: gone }),
    want: [stream('9'), 'backoff'],
  },
  {
    name: 'lists plainly after Expired when streaming is refused',
    from: state({ resourceVersion: '5', streamingList: 'refused' }),
    step: watch('5'),
    outcome: ended({ error: gone }),
    want: [list('9', 0), 'backoff'],
  },
  {
    name: 'lists in pages again where the first list came in pages',
    from: state({ resourceVersion: '5', streamingList: 'refused', paginated: true }),
    step: watch('5'),
    outcome: ended({ error: gone }),
    want: [list('9', 500), 'backoff'],
  },
  {
    name: 'lists again after a very short empty watch',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ events: 0, lastedMs: 10, resourceVersion: '5' }),
    want: [stream('5'), 'backoff'],
  },
  {
    name: 'lists again after an internal error',
    from: state({ resourceVersion: '5' }),
    step: watch('5'),
    outcome: ended({ error: internal }),
    want: [stream('9'), 'backoff'],
  },
  {
    name: 'falls back to a list where streaming is unknown',
    from: state(),
    step: stream(''),
    outcome: ended({ synced: false, error: unknown }),
    want: [list('0', 500), 'none'],
  },
  {
    name: 'falls back to a list where watching is forbidden',
    from: state(),
    step: stream(''),
    outcome: ended({ synced: false, error: forbidden }),
    want: [list('0', 500), 'none'],
  },
  {
    name: 'streams again when the stream broke before it was complete',
    from: state(),
    step: stream(''),
    outcome: ended({ synced: false, error: broken }),
    want: [stream(''), 'backoff'],
  },
  {
    name: 'streams again when the server closed it before it was complete',
    from: state(),
    step: stream(''),
    outcome: ended({ synced: false }),
    want: [stream(''), 'backoff'],
  },
  {
    name: 'streams the newest state when its version has expired',
    from: state({ resourceVersion: '5' }),
    step: stream('5'),
    outcome: ended({ synced: false, error: gone }),
    want: [stream(''), 'none'],
  },
  {
    name: 'streams the newest state when its version lies in the future',
    from: state({ resourceVersion: '9' }),
    step: stream('9'),
    outcome: ended({ synced: false, error: future }),
    want: [stream(''), 'none'],
  },
  {
    name: 'pauses when even the newest state has expired',
    from: state({ resourceVersion: '5' }),
    step: stream(''),
    outcome: ended({ synced: false, error: gone }),
    want: [stream(''), 'backoff'],
  },
  {
    name: 'lists the newest state when the listed version has expired',
    from: state({ resourceVersion: '5', streamingList: 'refused' }),
    step: list('5', 0),
    outcome: failed(gone),
    want: [list('', 500), 'none'],
  },
  {
    name: 'pauses after a forbidden list and begins again',
    from: state(),
    step: list('0', 500),
    outcome: failed(forbidden),
    want: [stream(''), 'backoff'],
  },
  {
    name: 'pauses after a list without connection',
    from: state({ streamingList: 'refused' }),
    step: list('0', 500),
    outcome: failed(broken),
    want: [list('0', 500), 'backoff'],
  },
];

for (const { name, from, step, outcome, want } of cases) {
  test(`reflector plan ${name}`, () => {
    const { step: next, pause } = decide(from, step, outcome);
    assert.deepEqual([next, pause], want);
  });
}

test('reflector plan begins with a streamed list', () => {
  assert.deepEqual(firstStep(INITIAL_STATE).step, stream(''));
});

test('reflector plan remembers that streaming was refused, and asks for its version again once one was served', () => {
  const plain = decide(state(), stream(''), ended({ synced: false, error: unknown })).state;
  const listed = decide(plain, list('0', 500), { kind: 'listed', resourceVersion: '7', paginated: true });
  assert.deepEqual(listed.state, { resourceVersion: '7', versionUnavailable: false, streamingList: 'refused', paginated: true });
});

test('nextDelay doubles up to its limit, adds jitter and starts again after a quiet time', () => {
  const delays: number[] = [];
  let backoff: BackoffState | undefined = undefined;
  for (const at of [0, 1, 2, 3, 4, 5, 6, 200_000]) {
    const next = nextDelay(REFLECTOR_BACKOFF, backoff, at, at === 1 ? 0.5 : 0);
    backoff = next.state;
    delays.push(next.delayMs);
  }
  assert.deepEqual(delays, [800, 2400, 3200, 6400, 12_800, 25_600, 30_000, 800]);
});
