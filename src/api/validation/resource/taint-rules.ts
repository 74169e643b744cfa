// DeviceTaintRules. Source: resource validation.go ValidateDeviceTaintRule.
import type { DeviceTaintRule } from '../../gen/resource-v1beta2.ts';
import { Path } from '#apimachinery/field-path.ts';
import { validateConditions } from '../conditions.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import { validateDeviceName, validateDriverName, validatePoolName } from './names.ts';
import { validateTaint } from './slices.ts';

const SPEC = Path.of('spec');
/** Source: DeviceTaintRuleStatusMaxConditions. */
const MAX_CONDITIONS = 8;

export function validateTaintRule(out: Problems, rule: DeviceTaintRule): void {
  validateObjectMeta(out, rule.metadata, 'cluster', subdomainName);
  validateSpec(out, rule, undefined);
}

export function validateTaintRuleUpdate(out: Problems, rule: DeviceTaintRule, old: DeviceTaintRule): void {
  validateObjectMetaUpdate(out, rule.metadata, old.metadata);
  validateSpec(out, rule, old);
}

export function validateTaintRuleStatusUpdate(out: Problems, rule: DeviceTaintRule, old: DeviceTaintRule): void {
  validateObjectMetaUpdate(out, rule.metadata, old.metadata);
  const at = Path.of('status', 'conditions');
  const { conditions = [] } = rule.status;
  validateConditions(out, at, conditions);
  if (conditions.length > MAX_CONDITIONS) out.tooMany(at, conditions.length, MAX_CONDITIONS);
}

function validateSpec(out: Problems, { spec }: DeviceTaintRule, old: DeviceTaintRule | undefined): void {
  const { driver, pool, device } = spec.deviceSelector ?? {};
  const at = SPEC.child('deviceSelector');
  if (driver !== undefined) validateDriverName(out, at.child('driver'), driver);
  if (pool !== undefined) validatePoolName(out, at.child('pool'), pool);
  if (device !== undefined) validateDeviceName(out, at.child('device'), device);
  validateTaint(out, SPEC.child('taint'), spec.taint, old?.spec.taint);
}
