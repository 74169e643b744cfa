// /healthz, /livez, /readyz: which checks pass; /metrics/slis: how they went. Source: apiserver pkg/server/healthz.
import type { HealthFigures, HealthKind } from '#base/health-figures.ts';
import type { Logger } from '#base/log.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Route, RouteCall } from './contract.ts';
import { text } from './text.ts';

export interface HealthCheck {
  /** `ping`, `etcd`, `poststarthook/rbac/bootstrap-roles`, … */
  readonly name: string;
  /** Undefined when it passes, otherwise why not (logged; clients see `reason withheld`). */
  check(): string | undefined | Promise<string | undefined>;
}

/** Source: healthz.PingHealthz. */
export const ping: HealthCheck = { name: 'ping', check: () => undefined };

/** Routes for `path` and each check below it: `/readyz`, `/readyz/ping`. */
export function healthRoutes(kind: HealthKind, checks: readonly HealthCheck[], told: Told): readonly Route[] {
  const path = `/${kind}`;
  const all: Route = { path, match: 'exact', listed: true, handle: (call) => runAll(kind, checks, call, told) };
  const each = checks.map((check): Route => ({
    path: `${path}/${check.name}`,
    match: 'exact',
    listed: true,
    handle: async () => {
      const why = await run(check);
      return why === undefined ? text(200, 'ok') : text(500, `internal server error: ${why}\n`);
    },
  }));
  return [all, ...each];
}

/** Where the results of a whole path go. */
interface Told {
  readonly logger: Logger;
  readonly figures: HealthFigures;
}

/** Source: slis.SLIMetrics. */
export const figuresRoute = (figures: HealthFigures): Route => ({
  path: '/metrics/slis',
  match: 'exact',
  listed: true,
  handle: () => text(200, figures.expose(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
});

async function run({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error); // a check that breaks has failed
  }
}

async function runAll(
  kind: HealthKind,
  checks: readonly HealthCheck[],
  { request: { query } }: RouteCall,
  { logger, figures }: Told,
): Promise<Answer> {
  const excluded = new Set(query.getAll('exclude'));
  const unknown = new Set(excluded);
  const lines: string[] = [];
  const failed: string[] = [];
  for (const check of checks) {
    if (excluded.has(check.name)) {
      unknown.delete(check.name);
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const why = await run(check);
    figures.checked(kind, check.name, why === undefined);
    if (why === undefined) {
      lines.push(`[+]${check.name} ok`);
    } else {
      failed.push(`${check.name}: ${why}`);
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (unknown.size > 0) {
    const names = [...unknown].toSorted().map((one) => JSON.stringify(one));
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(',')}`);
  }
  const report = `${lines.join('\n')}\n`;
  if (failed.length > 0) {
    logger.warn(`${kind} check failed`, { failed });
    return text(500, `${report}${kind} check failed\n`);
  }
  return text(200, query.has('verbose') ? `${report}${kind} check passed\n` : 'ok');
}
