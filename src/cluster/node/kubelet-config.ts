// A node's KubeletConfiguration, out of a file; and what else of a kubelet's settings may be wrong.
import { existsSync, readFileSync } from 'node:fs';
import { parseYaml, YamlError } from '#apimachinery/yaml.ts';
import type { Logger } from '#base/log.ts';
import type { KubeletConfig } from '#kubelet/configuration/config.ts';
import { KubeletConfigurationError, readKubeletConfiguration } from '#kubelet/configuration/configuration-file.ts';
import { CredentialProviderConfigError } from '#kubelet/images/credential-provider-config.ts';
import type { Kubelet } from '#kubelet/kubelet.ts';
import { CommandError } from '../commands/command-line.ts';

/** What `file` sets; nothing when there is none. What is not looked at is told. @throws CommandError */
export function kubeletConfigOf(file: string, logger: Logger): Partial<KubeletConfig> {
  if (file === '') return {};
  const { config, unused } = read(file);
  if (unused.length > 0) logger.warn('these fields of the kubelet configuration are not looked at', { file, fields: unused });
  return config;
}

function read(file: string): ReturnType<typeof readKubeletConfiguration> {
  try {
    const cgroupV1 = !existsSync('/sys/fs/cgroup/cgroup.controllers');
    return readKubeletConfiguration(parseYaml(readFileSync(file, 'utf8')), { cgroupV1 });
  } catch (error) {
    const known =
      error instanceof KubeletConfigurationError || error instanceof YamlError || (error instanceof Error && 'syscall' in error);
    if (!known) throw error;
    throw new CommandError(`failed to load kubelet config file, path: ${file}, error: ${error.message}`);
  }
}

/** @throws CommandError when its credential providers are wrong */
export async function startKubelet(kubelet: Kubelet): Promise<void> {
  try {
    await kubelet.start();
  } catch (error) {
    if (!(error instanceof CredentialProviderConfigError)) throw error;
    throw new CommandError(`failed to register CRI auth plugins: ${error.message}`);
  }
}
