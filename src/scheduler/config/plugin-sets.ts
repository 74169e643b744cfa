// pure
// Which plugins a profile asks at which point, from the defaults and what the configuration changes. Source:
// apis/config/v1 mergePluginSet, framework/runtime expandMultiPointPlugins.

export interface PluginRef {
  readonly name: string;
  /** Of its scores; absent or 0: 1, or what `multiPoint` says. */
  readonly weight?: number;
}

export interface PluginSet {
  readonly enabled: readonly PluginRef[];
  /** Names; `*` for all. */
  readonly disabled: readonly string[];
}

export const EXTENSION_POINTS = [
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;

export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

/** Default plugins first, in place of each what is said of it anew; then those that are not among them. */
export function mergePluginSet(defaults: readonly PluginRef[], { enabled, disabled }: PluginSet): readonly PluginRef[] {
  const off = new Set(disabled);
  const anew = new Map(enabled.map((ref) => [ref.name, ref]));
  const kept = off.has('*') ? [] : defaults.filter(({ name }) => !off.has(name)).map((ref) => anew.get(ref.name) ?? ref);
  const names = new Set(kept.map(({ name }) => name));
  return [...kept, ...enabled.filter(({ name }) => !names.has(name))];
}

/**
 * Plugins of one point: those of `multiPoint` that the point names itself, the other ones of `multiPoint`, the rest that
 * the point names. `has`: whether a plugin has anything to do at the point.
 */
export function expandPoint(
  multiPoint: readonly PluginRef[],
  { enabled, disabled }: PluginSet,
  has: (name: string) => boolean,
): readonly PluginRef[] {
  if (disabled.includes('*')) return enabled;
  const everywhere = multiPoint.filter(({ name }) => has(name) && !disabled.includes(name));
  const named = new Set(enabled.map(({ name }) => name));
  const inMulti = new Map(everywhere.map((ref) => [ref.name, ref]));
  return [
    ...enabled.filter(({ name }) => inMulti.has(name)),
    ...everywhere.filter(({ name }) => !named.has(name)),
    ...enabled.filter(({ name }) => !inMulti.has(name)),
  ];
}
