// The systemd unit that brings the cluster back after a reboot, on machines that systemd runs.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const UNIT = 'proa.service';
const UNIT_FILE = `/etc/systemd/system/${UNIT}`;

/** Whether systemd is the init of this machine (sd_booted). */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

/** Systemd takes `%` and `$` for its own, and splits at spaces. */
const quoted = (argument: string): string =>
  `"${argument
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
    .replaceAll(/["\\]/g, String.raw`\$&`)}"`;

export function unitText(command: readonly string[]): string {
  return `[Unit]
Description=Proa, a Kubernetes cluster
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=${command.map(quoted).join(' ')}
Restart=on-failure
RestartSec=0
StartLimitIntervalSec=0
# Containers and containerd outlive the cluster process.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}

const systemctl = (...args: string[]): void => {
  execFileSync('systemctl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** Installs, enables and starts the unit. @throws Error with what systemctl said */
export function startUnit(command: readonly string[]): void {
  writeFileSync(UNIT_FILE, unitText(command));
  systemctl('daemon-reload');
  systemctl('enable', '--now', UNIT);
}

/** Stops the unit; it stays enabled unless `remove`. No unit is no error. */
export function stopUnit({ remove }: { readonly remove: boolean }): void {
  if (!existsSync(UNIT_FILE)) return;
  systemctl('stop', UNIT);
  if (!remove) return;
  systemctl('disable', UNIT);
  rmSync(UNIT_FILE);
  systemctl('daemon-reload');
}
