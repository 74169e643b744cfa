// The strategy of every built-in resource, by `pods` or `deployments.apps`.
import type { Schema } from '#api/schema.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import type { ServiceNetwork } from './allocation/network.ts';
import { genericStrategy } from './generic-strategy.ts';
import type { Strategy } from './strategy.ts';

export interface StrategyOptions {
  readonly network: ServiceNetwork;
}

export function builtInStrategies(schema: Schema, _options: StrategyOptions): Readonly<Record<string, Strategy>> {
  const strategies: Record<string, Strategy> = {};
  for (const info of schema.resources()) {
    const { storage } = info;
    if (storage.group !== info.group || storage.version !== info.version) continue;
    strategies[groupResourceString(info)] = genericStrategy(info, {}, { generation: info.subresources.has('status') });
  }
  return strategies;
}
