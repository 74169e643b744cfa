/** What one probe found. `unknown`: it could not be carried out. Source: pkg/probe Result. */
export type ProbeResult =
  | { readonly kind: 'success'; readonly output: string }
  | { readonly kind: 'warning'; readonly output: string }
  | { readonly kind: 'failure'; readonly output: string }
  | { readonly kind: 'unknown'; readonly error: string };

/** Longest output that is kept, bytes. Source: probe/http maxRespBodyLength, probe/exec maxReadLength. */
export const MAX_OUTPUT_BYTES = 10 * 1024;
