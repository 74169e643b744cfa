// Network namespaces: further machines beside a test's own, joined to it by nothing unless the test joins them. Importing
// this isolates the test file, so that no name is ever left behind on the machine.
import './isolated.ts';
import { type CommandOptions, type Finished, run, type Running, start, succeed } from './command.ts';
import { defer, type Owner } from './scope.ts';

let made = 0;

export class NetworkNamespace {
  /** As `ip netns` knows it. */
  readonly name: string;
  /** What a container runtime or `nsenter --net=` takes. */
  readonly path: string;
  readonly #owner: Owner;

  constructor(owner: Owner, name: string) {
    this.#owner = owner;
    this.name = name;
    this.path = `/run/netns/${name}`;
  }

  run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
    return run('nsenter', this.#inside(file, args), options);
  }

  /** @throws Error with all it said unless it ends with status 0 */
  succeed(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeed('nsenter', this.#inside(file, args), options);
  }

  /** Starts a program in there; it is killed when the owner ends. */
  start(file: string, args: readonly string[], options: Omit<CommandOptions, 'input'> = {}): Running {
    return start(this.#owner, 'nsenter', this.#inside(file, args), options);
  }

  #inside(file: string, args: readonly string[]): string[] {
    return [`--net=${this.path}`, file, ...args];
  }
}

/** A namespace with loopback up, gone when `owner` ends. */
export async function networkNamespace(owner: Owner): Promise<NetworkNamespace> {
  made += 1;
  const namespace = new NetworkNamespace(owner, `test-${process.pid}-${made}`);
  await succeed('ip', ['netns', 'add', namespace.name]);
  defer(owner, async () => void (await succeed('ip', ['netns', 'delete', namespace.name])));
  await namespace.succeed('ip', ['link', 'set', 'lo', 'up']);
  return namespace;
}
