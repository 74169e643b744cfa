// What the contract suite needs of a client and the server behind it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { isStatusError, type StatusReason } from '#apimachinery/errors.ts';
import type { New, Pod } from '#api/types.ts';
import type { Client } from '../contract.ts';

export interface ClientUnderTest {
  readonly client: Client;
  /** A namespace that exists and holds none of the objects the suite makes; a new one for each call. */
  namespace(): Promise<string>;
  /** Makes the server forget what happened before now, so that older resourceVersions have expired; absent where it cannot. */
  readonly compact?: () => Promise<void>;
  /** Called once, after the last test. The client's transport is closed by it. */
  close(): Promise<void>;
}

export interface ClientFactory {
  /** `fake`, `https`, `loopback`, … */
  readonly name: string;
  start(): Promise<ClientUnderTest>;
}

/** What each test works with. */
export interface Bench {
  readonly client: Client;
  readonly namespace: string;
  readonly compact: (() => Promise<void>) | undefined;
}

export type Declare = (name: string, run: (bench: Bench, t: TestContext) => Promise<void>) => void;

/** Longest a test of the suite may wait for the server, milliseconds. */
const TEST_TIMEOUT_MS = 30_000;

/** Declares tests that each get a namespace of their own. */
export function declaring(subject: () => ClientUnderTest): Declare {
  return (name, run) =>
    void test(name, { timeout: TEST_TIMEOUT_MS }, async (t) => {
      const { client, compact, namespace } = subject();
      await run({ client, compact, namespace: await namespace() }, t);
    });
}

/** Rejects with this reason, and with this message where one is given. */
export async function refused(promise: Promise<unknown>, reason: StatusReason, message?: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isStatusError(error), `not a StatusError: ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    if (message !== undefined) assert.equal(error.message, message);
    return true;
  });
}

/** A pod that any API server accepts and no scheduler places. */
export const aPod = (name: string, namespace: string): New<Pod> => ({
  metadata: { name, namespace, labels: { app: 'suite' } },
  spec: {
    schedulerName: 'none',
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: 'example.com/none:1' }],
  },
});
