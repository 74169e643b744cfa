// Taking nftables tables away.
import { Readable } from 'node:stream';
import { runNetworkProgram } from '#base/program.ts';

/** Removes those of `tables` that are there: naming one that is not is an error, and so is a family the kernel lacks. @throws ProgramError */
export async function removeTables(tables: readonly string[]): Promise<void> {
  const listed = (await runNetworkProgram('nft', ['list', 'tables'])).split('\n');
  const present = new Set(listed.map((line) => line.replace(/^table /, '').trim()));
  const lines = tables.filter((table) => present.has(table)).map((table) => `delete table ${table}\n`);
  if (lines.length > 0) await runNetworkProgram('nft', ['-f', '-'], { input: Readable.from(lines) });
}
