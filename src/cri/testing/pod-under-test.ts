// A pod that the contract suite runs in a container runtime, and the programs of its containers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { CriClient, Input } from '../contract.ts';
import type { ContainerState } from '../gen/enums.ts';
import type { ContainerConfig, ContainerStatus, PodSandboxConfig } from '../gen/objects.ts';

/** Programs the suite's containers run, by the container's name. */
export const PROGRAMS = {
  /** Writes `hello` to standard output and `trouble` to standard error, then waits; ends with 7 on SIGTERM. */
  obedient: ['sh', '-c', 'trap "exit 7" TERM; echo hello; echo trouble >&2; while :; do sleep 0.02; done'],
  /** Waits, whatever SIGTERM says. */
  stubborn: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.02; done'],
  failing: ['sh', '-c', 'exit 3'],
  succeeding: ['sh', '-c', 'exit 0'],
  missing: ['no-such-program'],
} as const;

export interface Subject {
  readonly cri: CriClient;
  /** An image that has the programs, by a short name. */
  readonly image: string;
  /** An existing folder for logs. */
  readonly logFolder: string;
}

type Program = keyof typeof PROGRAMS;

/** A sandbox on the host's network, and the containers a test puts in it. */
export class PodUnderTest {
  readonly cri: CriClient;
  readonly id: string;
  readonly image: string;
  readonly config: Input<PodSandboxConfig>;

  constructor({ cri, image }: Subject, id: string, config: Input<PodSandboxConfig>) {
    this.cri = cri;
    this.id = id;
    this.image = image;
    this.config = config;
  }

  static async run(subject: Subject): Promise<PodUnderTest> {
    const config: Input<PodSandboxConfig> = {
      metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0 },
      labels: { app: 'web' },
      logDirectory: subject.logFolder,
      dnsConfig: { servers: ['127.0.0.1'] },
      linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } } },
    };
    const { podSandboxId } = await subject.cri.runtime.runPodSandbox({ config });
    return new PodUnderTest(subject, podSandboxId, config);
  }

  container(program: Program): Input<ContainerConfig> {
    return { metadata: { name: program }, image: { image: this.image }, command: PROGRAMS[program], logPath: `${program}.log` };
  }

  async create(program: Program, more: Input<ContainerConfig> = {}): Promise<string> {
    const config = { ...this.container(program), ...more };
    const { containerId } = await this.cri.runtime.createContainer({ podSandboxId: this.id, config, sandboxConfig: this.config });
    return containerId;
  }

  async start(program: Program): Promise<string> {
    const containerId = await this.create(program);
    await this.cri.runtime.startContainer({ containerId });
    return containerId;
  }

  async status(containerId: string): Promise<ContainerStatus> {
    const { status } = await this.cri.runtime.containerStatus({ containerId });
    assert.ok(status !== undefined);
    return status;
  }

  /** Asks until the container is in `state`: a runtime tells of it in no other way that all have. */
  async becomes(containerId: string, state: ContainerState): Promise<ContainerStatus> {
    for (;;) {
      const status = await this.status(containerId);
      if (status.state === state) return status;
    }
  }

  /** Resolves once the container's log has `text`. */
  async says(containerId: string, text: string): Promise<void> {
    for (;;) {
      const { logPath } = await this.status(containerId);
      if (readFileSync(logPath, 'utf8').includes(text)) return;
    }
  }
}
