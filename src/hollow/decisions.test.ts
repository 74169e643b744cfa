import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/types.ts';
import { AddressPool } from './address-pool.ts';
import { hollowNodes } from './node.ts';
import { podStatus } from './pod-status.ts';
import { begin, nextStep, type Progress } from './progress.ts';
import { DEFAULT_STAGES, parseStages, type Stages, stagesOf } from './stages.ts';

const NOW = Date.UTC(2026, 0, 1);

const podOf = (restartPolicy: 'Always' | 'OnFailure' | 'Never', labels: Readonly<Record<string, string>> = {}): Pod =>
  ({
    metadata: { name: 'a', namespace: 'ns', uid: 'uid-a', labels },
    spec: { restartPolicy, containers: [{ name: 'c', image: 'example.test/c:1' }] },
    status: { phase: 'Pending' },
  }) as unknown as Pod;

const stages = (over: Partial<Stages>): Stages => ({ ...DEFAULT_STAGES, ...over });
const exactly = (ms: number) => ({ minMs: ms, maxMs: ms });

/** What the API is told from the start until nothing more comes or `untilMs` have passed: `+MS STATE`. */
function tale(pod: Pod, given: Stages, untilMs = 60_000, chance = () => 0.5): string[] {
  const told: string[] = [];
  let now = NOW;
  let progress: Progress = begin(pod, { stages: given, now, chance });
  for (;;) {
    const step = nextStep(pod, progress, { stages: given, now, chance });
    if (step.kind === 'rest') return [...told, 'rest'];
    if (step.kind === 'wait') now = step.until;
    else {
      progress = step.progress;
      told.push(`+${now - NOW} ${progress.at}${progress.at === 'ended' ? ` ${progress.last.exitCode}` : ''}`);
    }
    if (now - NOW > untilMs) return told;
  }
}

for (const c of [
  { name: 'of a service', pod: podOf('Always'), given: DEFAULT_STAGES, told: ['+100 running', '+200 ready', 'rest'] },
  { name: 'that takes no time to become ready', pod: podOf('Always'), given: stages({ ready: exactly(0) }), told: ['+100 ready', 'rest'] },
  { name: 'of a job', pod: podOf('Never'), given: DEFAULT_STAGES, told: ['+100 running', '+200 ready', '+1100 ended 0', 'rest'] },
  {
    name: 'that ends before it is ready',
    pod: podOf('Never'),
    given: stages({ ready: exactly(5000), run: exactly(1000), exitCode: 3 }),
    told: ['+100 running', '+1100 ended 3', 'rest'],
  },
  {
    name: 'that fails and is not restarted',
    pod: podOf('Never'),
    given: stages({ failureRate: 1, failureExitCode: 42 }),
    told: ['+100 running', '+200 ready', '+1100 ended 42', 'rest'],
  },
  {
    name: 'that fails and is restarted, at once and then with growing pauses',
    pod: podOf('OnFailure'),
    given: stages({ start: exactly(0), ready: exactly(0), failureRate: 1 }),
    untilMs: 32_000,
    told: ['+0 ready', '+1000 waiting', '+1000 ready', '+2000 waiting', '+12000 ready', '+13000 waiting'],
  },
  {
    name: 'with a range of delays',
    pod: podOf('Always'),
    given: stages({ start: { minMs: 1000, maxMs: 3000 } }),
    told: ['+2000 running', '+2100 ready', 'rest'],
  },
]) {
  test(`nextStep leads through the stages of a pod ${c.name}`, () => assert.deepEqual(tale(c.pod, c.given, c.untilMs), c.told));
}

test('begin takes over what an earlier process has told', () => {
  const pod = podOf('Never');
  const moment = { stages: stages({ run: exactly(10_000) }), now: NOW, chance: () => 0 };
  const told: Progress[] = [begin(pod, moment)];
  for (const now of [NOW + 100, NOW + 200]) {
    const step = nextStep(pod, told.at(-1) as Progress, { ...moment, now });
    if (step.kind === 'tell') told.push(step.progress);
  }
  const ready = told.at(-1) as Progress;
  const seen = { ...pod, status: podStatus(pod, ready, { pod: '10.0.0.2', host: '198.18.0.1' }) } as Pod;
  const resumed = begin(seen, { ...moment, now: NOW + 5000 });
  assert.equal(resumed.at, 'ready');
  // Times in the API are whole seconds.
  assert.deepEqual(nextStep(seen, resumed, { ...moment, now: NOW + 5000 }), { kind: 'wait', until: NOW + 10_000 });
});

test('podStatus tells of a failed run', () => {
  const ended: Progress = { at: 'ended', takenAt: NOW, restarts: 0, last: { startedAt: NOW, finishedAt: NOW + 1000, exitCode: 1 } };
  const { phase, conditions, containerStatuses } = podStatus(podOf('Never'), ended, { pod: '10.0.0.2', host: '198.18.0.1' });
  assert.equal(phase, 'Failed');
  assert.deepEqual(
    conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [
      ['PodReadyToStartContainers', 'False', undefined],
      ['Initialized', 'True', undefined],
      ['ContainersReady', 'False', 'PodFailed'],
      ['Ready', 'False', 'PodFailed'],
    ],
  );
  assert.equal(containerStatuses?.[0]?.state?.terminated?.exitCode, 1);
});

test('parseStages reads ranges, and stagesOf takes the first that selects', () => {
  const parsed = parseStages({ stages: [{ selector: 'app=web', start: '1s-3s', failureRate: 0.5 }, { run: '2m' }] });
  assert.deepEqual(stagesOf(podOf('Always', { app: 'web' }), parsed).start, { minMs: 1000, maxMs: 3000 });
  assert.deepEqual(stagesOf(podOf('Always'), parsed).run, exactly(120_000));
});

for (const [value, message] of [
  [null, 'the file must hold keys and values'],
  [{ stages: {} }, 'stages must be a list'],
  [{ stages: [{ begin: '1s' }] }, /^stages\[0\] has an unknown key begin/],
  [{ stages: [{ start: '3s-1s' }] }, /^stages\[0\]\.start must be a duration/],
  [{ stages: [{ start: 5 }] }, /^stages\[0\]\.start must be a duration/],
  [{ stages: [{ failureRate: 2 }] }, 'stages[0].failureRate must be a number from 0 to 1'],
  [{ stages: [{ exitCode: 256 }] }, 'stages[0].exitCode must be an exit code from 0 to 255'],
  [{ stages: [{ selector: '==' }] }, /^stages\[0\]\.selector: /],
] as const) {
  test(`parseStages refuses ${JSON.stringify(value)}`, () => {
    assert.throws(() => parseStages(value), { name: 'StagesError', message });
  });
}

test('AddressPool gives each address once, and a released one again', () => {
  const pool = new AddressPool('10.1.2.0/29');
  assert.equal(pool.reserve('10.1.2.3'), true);
  const all = Array.from({ length: 5 }, () => pool.take());
  assert.deepEqual(all, ['10.1.2.2', '10.1.2.4', '10.1.2.5', '10.1.2.6', undefined]);
  pool.release('10.1.2.4');
  assert.equal(pool.take(), '10.1.2.4');
});

test('hollowNodes counts addresses over octets', () => {
  assert.deepEqual(hollowNodes('n', 256).at(-1), { name: 'n-255', address: '198.18.1.0' });
});
