// Whether nftables rules of ours are still there: a firewall that is loaded anew flushes everybody's and tells nobody.
import { ProgramError, runProgram } from './program.ts';

export interface Stake {
  /** Each with family and table: `ip kube-proxy services`. */
  readonly chains: readonly string[];
  /** What stands in each of them, as nft lists it. */
  readonly rule: string;
}

type RunNft = (file: string, args: readonly string[], options: { readonly signal: AbortSignal }) => Promise<string>;

/** @throws ProgramError when the kernel cannot be asked */
export async function rulesStand(
  { chains, rule }: Stake,
  { run = runProgram, signal }: { readonly run?: RunNft; readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    // One at a time: of several in one command nft 1.0.6 finds the last alone.
    for (const chain of chains) {
      const listed = await run('nft', ['list', 'chain', ...chain.split(' ')], { signal });
      if (!listed.includes(rule)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof ProgramError && error.stderr.includes('No such file or directory')) return false;
    throw error;
  }
}
