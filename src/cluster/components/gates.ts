// Feature gates of a component that runs alone.
import { FeatureGateError, FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Logger } from '#base/log.ts';
import { CommandError } from '../commands/command-error.ts';
import type { Flags } from './flags.ts';

/** What of it is without effect or will be removed is told in the log. @throws CommandError in upstream's words */
export function gatesOf(flags: Flags, logger: Logger): FeatureGates {
  try {
    const gates = new FeatureGates(flags.text('feature-gates'));
    for (const { text, featureGate, value } of gates.warnings) logger.warn(text, { featureGate, value });
    for (const gate of gates.unheeded) logger.warn(`setting the feature gate ${gate} has no effect here`);
    return gates;
  } catch (error) {
    if (!(error instanceof FeatureGateError)) throw error;
    throw new CommandError(`--feature-gates is refused: ${error.message}`);
  }
}
