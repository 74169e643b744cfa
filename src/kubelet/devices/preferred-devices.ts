// Which of its devices a plugin would rather give, and what is told where a plugin refuses.
import { CriError } from '#cri/errors.ts';
import { ask } from '../plugins/plugin-api.ts';
import { getPreferred, type Preference } from './api.ts';
import type { DevicePlugin } from './device-plugins.ts';

/** A pod's devices cannot be had; the message is shown to the user. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** As many as are wanted, those the plugin prefers first. Source: devicesToAllocate. */
export async function preferred({ caller, options }: DevicePlugin, preference: Preference): Promise<readonly string[]> {
  const { available, mustInclude, size } = preference;
  if (!options.getPreferredAllocationAvailable) return available.slice(0, size);
  const { containerResponses } = await ask(caller, getPreferred, { containerRequests: [preference] }).catch(
    told('device plugin GetPreferredAllocation rpc failed with err'),
  );
  const wished = (containerResponses[0]?.devices ?? []).filter((id) => available.includes(id));
  return [...new Set([...mustInclude, ...wished, ...available])].slice(0, size);
}

/** Throws the plugin's refusal as a DeviceError that begins with `what`. */
export const told =
  (what: string) =>
  (error: unknown): never => {
    if (!(error instanceof CriError)) throw error;
    throw new DeviceError(`${what}: ${error.message}`, { cause: error });
  };
