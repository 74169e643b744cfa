// Cases of upstream's tables. Source: pkg/controller/job pod_failure_policy_test.go, success_policy_test.go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job, Pod, PodFailurePolicyRule } from '#api/types.ts';
import { Indexes } from './indexes.ts';
import { failureCounts, failureVerdict, successReached } from './policies.ts';

type Action = PodFailurePolicyRule['action'];

const exits = (action: Action, operator: 'In' | 'NotIn', values: readonly number[], containerName?: string): PodFailurePolicyRule =>
  ({ action, onExitCodes: { operator, values, ...(containerName === undefined ? {} : { containerName }) } }) as PodFailurePolicyRule;
const conditions = (action: Action, status = 'True', type = 'DisruptionTarget'): PodFailurePolicyRule =>
  ({ action, onPodConditions: [{ type, status }] }) as PodFailurePolicyRule;

interface Ended {
  /** Exit codes by container; undefined: it has not ended. */
  readonly codes?: Readonly<Record<string, number | undefined>>;
  readonly init?: Readonly<Record<string, number>>;
  /** Status of DisruptionTarget. */
  readonly disrupted?: string;
}

function failed({ codes = {}, init = {}, disrupted }: Ended): Pod {
  const statuses = (of: Readonly<Record<string, number | undefined>>) =>
    Object.entries(of).map(([name, exitCode]) => ({ name, ...(exitCode === undefined ? {} : { state: { terminated: { exitCode } } }) }));
  return {
    metadata: { name: 'mypod', namespace: 'default' },
    spec: {},
    status: {
      phase: 'Failed',
      containerStatuses: statuses(codes),
      initContainerStatuses: statuses(init),
      conditions: disrupted === undefined ? [] : [{ type: 'DisruptionTarget', status: disrupted }],
    },
  } as unknown as Pod;
}

const exited = (code: number, rule: number, container = 'main'): string =>
  `Container ${container} for pod default/mypod failed with exit code ${code} matching FailJob rule at index ${rule}`;

for (const { name, rules, pod, action, message } of [
  { name: 'no rules', rules: [], pod: { codes: { main: 2 } } },
  { name: 'Ignore by exit code', rules: [exits('Ignore', 'In', [1, 2, 3])], pod: { codes: { main: 2 } }, action: 'Ignore' },
  {
    name: 'Ignore by a negative exit code',
    rules: [exits('Ignore', 'In', [-1073741676, -1073741510])],
    pod: { codes: { main: -1073741510 } },
    action: 'Ignore',
  },
  {
    name: 'FailJob by exit code',
    rules: [exits('FailJob', 'In', [1, 2, 3])],
    pod: { codes: { main: 2 } },
    action: 'FailJob',
    message: exited(2, 0),
  },
  {
    name: 'containers that succeeded are passed over',
    rules: [exits('FailJob', 'NotIn', [111])],
    pod: { codes: { main: 111, support: 0 }, init: { init: 0 } },
  },
  {
    name: 'FailJob by the exit code of an init container',
    rules: [exits('FailJob', 'In', [5])],
    pod: { codes: { main: undefined }, init: { init: 5 } },
    action: 'FailJob',
    message: exited(5, 0, 'init'),
  },
  { name: 'FailIndex by exit code', rules: [exits('FailIndex', 'In', [1, 2, 3])], pod: { codes: { main: 2 } }, action: 'FailIndex' },
  {
    name: 'FailJob by any exit code but 0',
    rules: [exits('FailJob', 'NotIn', [0])],
    pod: { codes: { main: 1, support: 0 } },
    action: 'FailJob',
    message: exited(1, 0),
  },
  {
    name: 'the second rule',
    rules: [exits('Count', 'In', [1, 2, 3]), exits('FailJob', 'In', [4, 5, 6])],
    pod: { codes: { main: 6 } },
    action: 'FailJob',
    message: exited(6, 1),
  },
  { name: 'Count by exit code', rules: [exits('Count', 'In', [1, 2, 3])], pod: { codes: { foo: undefined, bar: 2 } }, action: 'Count' },
  {
    name: 'a rule of another container',
    rules: [exits('FailJob', 'In', [2], 'support'), exits('Ignore', 'In', [2], 'main')],
    pod: { codes: { main: 2, support: 3 } },
    action: 'Ignore',
  },
  { name: 'FailIndex by condition', rules: [conditions('FailIndex')], pod: { disrupted: 'True' }, action: 'FailIndex' },
  { name: 'Ignore by condition', rules: [conditions('Ignore')], pod: { disrupted: 'True' }, action: 'Ignore' },
  { name: 'Ignore by a condition that is False', rules: [conditions('Ignore', 'False')], pod: { disrupted: 'False' }, action: 'Ignore' },
  {
    name: 'Ignore by a condition that is Unknown',
    rules: [conditions('Ignore', 'Unknown')],
    pod: { disrupted: 'Unknown' },
    action: 'Ignore',
  },
  { name: 'a condition that should be False and is True', rules: [conditions('Ignore', 'False')], pod: { disrupted: 'True' } },
  { name: 'a condition that should be True and is False', rules: [conditions('Ignore')], pod: { disrupted: 'False' } },
  {
    name: 'FailJob by condition',
    rules: [conditions('FailJob')],
    pod: { disrupted: 'True' },
    action: 'FailJob',
    message: 'Pod default/mypod has condition DisruptionTarget matching FailJob rule at index 0',
  },
  { name: 'Count by condition', rules: [conditions('Count')], pod: { disrupted: 'True' }, action: 'Count' },
  {
    name: 'the first of many that matches',
    rules: [exits('Count', 'NotIn', [8]), exits('Ignore', 'In', [1, 2, 3]), exits('FailJob', 'NotIn', [5, 6, 7]), conditions('Ignore')],
    pod: { codes: { main: 32 } },
    action: 'Count',
  },
  {
    name: 'none of many',
    rules: [exits('Ignore', 'In', [1]), exits('FailJob', 'NotIn', [32]), conditions('Ignore', 'True', 'ResourceLimitExceeded')],
    pod: { codes: { main: 32 } },
  },
] as readonly { name: string; rules: readonly PodFailurePolicyRule[]; pod: Ended; action?: Action; message?: string }[])
  test(`a failed pod, ${name}: ${action ?? 'counts'}`, () => {
    const job = { spec: { podFailurePolicy: { rules } } } as unknown as Job;
    const verdict = failureVerdict(job, failed(pod));
    assert.equal(verdict?.action, action);
    if (message !== undefined) assert.equal(verdict?.message, message);
    assert.equal(failureCounts(job, failed(pod)), action !== 'Ignore');
  });

for (const { rules, succeeded, met } of [
  { rules: undefined, succeeded: '0', met: undefined },
  { rules: [], succeeded: '0', met: undefined },
  { rules: [['invalid-form']], succeeded: '0', met: undefined },
  { rules: [['0-2']], succeeded: '0-2,4-7', met: 0 },
  { rules: [['3']], succeeded: '0-2', met: undefined },
  { rules: [[undefined, 2]], succeeded: '0-2', met: 0 },
  { rules: [[undefined, 4]], succeeded: '0-2', met: undefined },
  { rules: [['9'], ['4,6']], succeeded: '0-2,4-7', met: 1 },
  { rules: [['0,1'], ['5']], succeeded: '0-2,4-7', met: 0 },
  { rules: [['3-6', 2]], succeeded: '0-2,4-7', met: 0 },
  { rules: [['3-6', 2]], succeeded: '0-2,6-7', met: undefined },
  { rules: [[undefined, 4]], succeeded: '', met: undefined },
  { rules: [['2-4,6-8']], succeeded: '1-9', met: 0 },
  { rules: [['2-4,6-9']], succeeded: '2-4,6-9', met: 0 },
  { rules: [['']], succeeded: '1-3', met: undefined },
  { rules: [['']], succeeded: '', met: undefined },
  { rules: [['10-12,14-16']], succeeded: '1-3,5-7', met: undefined },
  { rules: [['1-3,5-7']], succeeded: '2-4,6-8', met: undefined },
  { rules: [['1-3,5-7', 4]], succeeded: '2-4,6-8', met: 0 },
  { rules: [['2-4,6-9']], succeeded: '1-3,5-7', met: undefined },
  { rules: [['2-4,6-9', 4]], succeeded: '1-3,5-7', met: 0 },
  { rules: [['0-4,6-9']], succeeded: '1-3,7-8', met: undefined },
  { rules: [['0-4,6-9', 5]], succeeded: '1-3,7-8', met: 0 },
  { rules: [['0-6,8-9']], succeeded: '1-3,5-9', met: undefined },
  { rules: [['0-6,8-9', 7]], succeeded: '1-3,5-9', met: 0 },
  { rules: [['0-5,7-9']], succeeded: '1-5,7-9', met: undefined },
  { rules: [['0-5,7-9', 8]], succeeded: '1-5,7-9', met: 0 },
  { rules: [['0-3,6-9']], succeeded: '1-9', met: undefined },
  { rules: [['0-3,6-9', 7]], succeeded: '1-9', met: 0 },
] as readonly { rules?: readonly (readonly [string?, number?])[]; succeeded: string; met?: number }[])
  test(`of ${JSON.stringify(rules)} with ${succeeded || 'none'} of 10 indexes, rule ${met ?? 'none'} is met`, () => {
    const successPolicy = { rules: rules?.map(([succeededIndexes, succeededCount]) => ({ succeededIndexes, succeededCount })) };
    const job = { spec: { completions: 10, ...(rules === undefined ? {} : { successPolicy }) } } as unknown as Job;
    const reached = successReached(job, Indexes.parse(succeeded, 10));
    assert.equal(reached, met === undefined ? undefined : `Matched rules at index ${met}`);
  });
