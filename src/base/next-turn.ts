/** Resolves in the next turn of the event loop: whatever came meanwhile goes first. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
