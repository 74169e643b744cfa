// What admission policies work with.
import type { Clock } from '#base/clock.ts';
import type { Schema } from '#api/schema.ts';
import type { Authorizer } from '../../authorization/contract.ts';
import type { AdmissionMetrics } from '../metrics.ts';
import type { MatchDeps } from '../webhooks/match.ts';
import type { ParamDeps } from './params.ts';

export interface PolicyDeps extends MatchDeps, ParamDeps {
  readonly authorizer: Authorizer;
  readonly schema: Schema;
  readonly clock: Clock;
  readonly metrics: AdmissionMetrics;
}
