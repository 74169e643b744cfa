// A keeper that is a systemd unit: it brings the cluster back after a reboot as well.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATA_DIR } from '../settings/settings.ts';
import { clearForStart, type Keeper, KeeperError, keptCommand, STOP_DEADLINE_MS } from './keeper.ts';
import { type Paths, pathsOf, type Place } from './paths.ts';

/** Whether systemd is the init of this machine. Source: sd_booted. */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

/** Systemd takes `%` and `$` for its own, and splits at spaces. */
const quoted = (word: string): string =>
  `"${word
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
    .replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/** Without what npm puts in front for a script of its own: a service of root's looks for programs where root does. */
const lastingSearchPath = (searchPath: string): string =>
  searchPath
    .split(':')
    .filter((folder) => folder.startsWith('/') && !folder.includes('/node_modules/'))
    .join(':');

/** `searchPath` is PATH of who types `proa up`: the unit finds the programs that were found then. */
export function unitText(command: readonly string[], { log }: Pick<Paths, 'log'>, searchPath: string): string {
  return `[Unit]
Description=Proa, a Kubernetes cluster
Documentation=file:${log.replaceAll('%', '%%')}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${command.map(quoted).join(' ')}
Environment=${quoted(`PATH=${lastingSearchPath(searchPath)}`)}
StandardOutput=append:${log.replaceAll('%', '%%')}
StandardError=journal
Restart=on-failure
# Further nodes of this machine, and their containers, outlive the cluster process.
KillMode=process
# Of a process that ran out of memory the keeper hears, and starts it again.
OOMPolicy=continue
TimeoutStopSec=${STOP_DEADLINE_MS / 1000}
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}

/** `proa.service`; a cluster in another folder than the usual one has a unit of its own, named as systemd names paths. */
export function unitName(dataDir: string): string {
  if (dataDir === DATA_DIR) return 'proa.service';
  const escaped = dataDir
    .replaceAll(/^\/+|\/+$/g, '')
    .replaceAll(/[^\w/:.]/g, (letter) =>
      [...Buffer.from(letter)].map((byte) => String.raw`\x${byte.toString(16).padStart(2, '0')}`).join(''),
    )
    .replaceAll(/\/+/g, '-');
  return `proa-${escaped}.service`;
}

export interface SystemdOptions {
  readonly systemctl?: string;
  /** Where units of the administrator lie. */
  readonly units?: string;
}

export class SystemdKeeper implements Keeper {
  readonly #paths: Paths;
  readonly #unit: string;
  readonly #file: string;
  readonly #program: string;

  constructor(place: Place, { systemctl = 'systemctl', units = '/etc/systemd/system' }: SystemdOptions = {}) {
    this.#paths = pathsOf(place);
    this.#unit = unitName(place.dataDir);
    this.#file = join(units, this.#unit);
    this.#program = systemctl;
  }

  running(): boolean {
    return existsSync(this.#file) && Number(this.#systemctl('show', '--property=MainPID', '--value')) > 0;
  }

  start(command: readonly string[]): void {
    clearForStart(this.#paths);
    writeFileSync(this.#file, unitText(keptCommand(this.#paths, command), this.#paths, process.env.PATH ?? ''));
    this.#systemctl('daemon-reload');
    this.#systemctl('enable', '--now');
  }

  async stop(): Promise<boolean> {
    if (!existsSync(this.#file)) return false;
    const running = this.running();
    this.#systemctl('disable', '--now');
    return running;
  }

  remove(): void {
    if (!existsSync(this.#file)) return;
    rmSync(this.#file);
    this.#systemctl('daemon-reload');
  }

  /** Of this unit, but for `daemon-reload`. @throws KeeperError with what systemctl said */
  #systemctl(...args: readonly string[]): string {
    const words = args[0] === 'daemon-reload' ? args : [...args, this.#unit];
    try {
      return execFileSync(this.#program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      const said = (error as { readonly stderr?: string }).stderr?.trim().replaceAll('\n', ' ');
      throw new KeeperError(`systemctl ${words.join(' ')} failed: ${said === undefined || said === '' ? (error as Error).message : said}`);
    }
  }
}
