// pure
// An Explanation for people.
import type { NodeExplanation, PlacementExplanation } from '#scheduler/explain/explain-placement.ts';
import type { Explanation } from './contract.ts';

/** Nodes that are shown one by one. */
const MOST_NODES = 20;

export function render({ namespace, pod, cause, placement, precededBy, remedies = [] }: Explanation): string {
  const lines = [`pod ${namespace}/${pod}: ${cause.summary}`];
  for (const { source, text, time = '' } of cause.evidence) {
    lines.push(`  ${source}${time === '' ? '' : ` (${time})`}:`, ...text.split('\n').map((line) => `    ${line}`));
  }
  if (remedies.length > 0) lines.push('', 'What would help:', ...remedies.map((text) => `  ${text}`));
  if (placement !== undefined) lines.push('', ...placementLines(placement));
  if (precededBy !== undefined) {
    lines.push('', `What changed before: ${precededBy.object} at ${precededBy.time}`, ...precededBy.differences.map((text) => `  ${text}`));
  }
  return `${lines.join('\n')}\n`;
}

function placementLines({ before, nodes, smallest, extenders = [] }: PlacementExplanation): readonly string[] {
  const lines: string[] = [];
  if (before !== undefined) lines.push(`Before any node, ${before.plugin} refuses: ${before.reason}`);
  if (nodes.length === 0) return [...lines, 'There is no node.'];
  // Of many nodes, those that take the pod one way or other.
  const sorted =
    nodes.length <= MOST_NODES ? nodes : [...nodes.filter(({ verified }) => verified), ...nodes.filter(({ verified }) => !verified)];
  const shown = sorted.slice(0, MOST_NODES);
  const width = Math.max(4, ...shown.map(({ node }) => node.length));
  lines.push(`${'NODE'.padEnd(width)}  REFUSED BY`);
  for (const each of shown)
    lines.push(`${each.node.padEnd(width)}  ${refusal(each)}`, ...way(each).map((text) => `${' '.repeat(width)}    ${text}`));
  const others = Map.groupBy(sorted.slice(MOST_NODES), refusal);
  for (const [text, alike] of others) lines.push(`${alike.length} more`.padEnd(width) + `  ${text}`);
  if (smallest === undefined) lines.push('', 'No change that was tried places the pod.');
  else if (smallest.changes.length > 0)
    lines.push('', `The smallest change that places it (tried): ${textOf(smallest)}, on ${smallest.node}`);
  else if (before === undefined && extenders.length === 0)
    lines.push('', `Node ${smallest.node} takes it as it is; the scheduler has yet to try it again.`);
  else if (before === undefined) lines.push('', `For all that the scheduler itself says, node ${smallest.node} takes it as it is.`);
  if (extenders.length > 0) lines.push(`Extenders have a say as well, and were not asked: ${extenders.join(', ')}`);
  return lines;
}

const refusal = ({ plugin, reason = '' }: NodeExplanation): string =>
  plugin === undefined ? 'none: the pod fits' : `${plugin}: ${reason}`;
const textOf = ({ changes }: NodeExplanation): string => changes.map(({ text }) => text).join('; ');
const way = (each: NodeExplanation): readonly string[] => (each.changes.length === 0 ? [] : [`would take it with: ${textOf(each)}`]);
