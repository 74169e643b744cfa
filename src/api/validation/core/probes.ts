// Probes and lifecycle hooks. Source: validateProbe, validateHandler, validateLifecycle.
import type { Int64 } from '../../gen/scalars.ts';
import type { HTTPGetAction, Lifecycle, PodOS, Probe } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { httpHeaderName, portName, portNumber } from '#apimachinery/names.ts';
import { blank, type Problems } from '../problems.ts';

const SCHEMES = ['HTTP', 'HTTPS'];

/** Source: ValidatePortNumOrName. */
export function validatePort(out: Problems, at: Path, port: number | string | undefined): void {
  if (typeof port === 'string') out.each(at, port, portName(port));
  else out.each(at, port ?? 0, portNumber(port ?? 0));
}

function validateHttpGet(out: Problems, at: Path, action: HTTPGetAction): void {
  if (blank(action.path)) out.required(at.child('path'));
  validatePort(out, at.child('port'), action.port);
  out.oneOf(at.child('scheme'), action.scheme, SCHEMES);
  for (const { name } of action.httpHeaders ?? []) out.each(at.child('httpHeaders'), name, httpHeaderName(name));
}

interface Handler {
  readonly exec?: { readonly command?: readonly string[] };
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: { readonly port: number | string };
  readonly grpc?: { readonly port: number };
  readonly sleep?: { readonly seconds: Int64 };
}

const HANDLERS: {
  readonly [K in keyof Handler]-?: (out: Problems, at: Path, action: NonNullable<Handler[K]>, gracePeriod: Int64 | undefined) => void;
} = {
  exec: (out, at, { command = [] }) => {
    if (command.length === 0) out.required(at.child('command'));
  },
  httpGet: validateHttpGet,
  tcpSocket: (out, at, { port }) => validatePort(out, at.child('port'), port),
  grpc: (out, at, { port }) => validatePort(out, at.child('port'), port),
  sleep: (out, at, { seconds }, gracePeriod) => {
    if (gracePeriod !== undefined && (seconds < 0 || seconds > gracePeriod)) {
      out.invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`);
    }
  },
};

/** `gracePeriod` in seconds. */
function validateHandler(out: Problems, at: Path, handler: Handler, gracePeriod: Int64 | undefined): void {
  let found = false;
  for (const kind of Object.keys(HANDLERS) as (keyof Handler)[]) {
    const action = handler[kind];
    if (action === undefined) continue;
    if (found) out.forbidden(at.child(kind), 'may not specify more than 1 handler type');
    else
      (HANDLERS[kind] as (out: Problems, at: Path, action: unknown, grace: Int64 | undefined) => void)(
        out,
        at.child(kind),
        action,
        gracePeriod,
      );
    found = true;
  }
  if (!found) out.required(at, 'must specify a handler type');
}

type ProbeKind = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

function validateProbe(out: Problems, at: Path, probe: Probe, kind: ProbeKind, gracePeriod: Int64 | undefined): void {
  validateHandler(out, at, probe, gracePeriod);
  for (const member of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
    out.nonNegative(at.child(member), probe[member]);
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) out.invalid(at.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0');
  if (kind === 'readinessProbe') {
    if (grace !== undefined) out.invalid(at.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes');
  } else if ((probe.successThreshold ?? 0) !== 1) out.invalid(at.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1');
}

type Probed = Readonly<Partial<Record<ProbeKind, Probe>>>;

export function validateProbes(out: Problems, at: Path, container: Probed, gracePeriod: Int64 | undefined): void {
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[kind];
    if (probe !== undefined) validateProbe(out, at.child(kind), probe, kind, gracePeriod);
  }
}

const WINDOWS_SIGNALS = ['SIGKILL', 'SIGTERM'];
/** In byte order, as they are printed. */
const LINUX_SIGNALS: readonly string[] = [
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX'
    .split(' ')
    .map((name) => `SIG${name}`),
  Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`),
  Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${i + 1}`),
]
  .flat()
  .toSorted((a, b) => (a < b ? -1 : 1));

export function validateLifecycle(
  out: Problems,
  at: Path,
  lifecycle: Lifecycle,
  gracePeriod: Int64 | undefined,
  os: PodOS | undefined,
): void {
  if (lifecycle.postStart !== undefined) validateHandler(out, at.child('postStart'), lifecycle.postStart, gracePeriod);
  if (lifecycle.preStop !== undefined) validateHandler(out, at.child('preStop'), lifecycle.preStop, gracePeriod);
  const signal = lifecycle.stopSignal;
  if (signal === undefined) return;
  const path = at.child('stopSignal');
  if (os === undefined) out.forbidden(path, 'may not be set for containers with empty `spec.os.name`');
  else if (os.name === 'windows') out.oneOf(path, signal, WINDOWS_SIGNALS);
  else if (os.name === 'linux') out.oneOf(path, signal, LINUX_SIGNALS);
}
