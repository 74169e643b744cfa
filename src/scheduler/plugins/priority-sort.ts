// pure
// The order of the queue: priority, then time. Source: plugins/queuesort PrioritySort.
import type { Plugin } from '../framework/plugin.ts';
import { PLUGIN } from './names.ts';

export const prioritySort: Plugin & { readonly queueSort: NonNullable<Plugin['queueSort']> } = {
  name: PLUGIN.prioritySort,
  queueSort: (a, b) => b.priority - a.priority || a.timestamp - b.timestamp,
};
