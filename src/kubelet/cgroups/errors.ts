/** Cgroups cannot be made or changed. */
export class CgroupError extends Error {
  override readonly name = 'CgroupError';
}
