/** Of a call to the kernel: what failed may succeed later, a full disk or a lack of descriptors for example. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
