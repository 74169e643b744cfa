// /version: what kubectl shows as the server's.
import type { VersionInfo } from '#api/build.ts';
import type { Route } from './contract.ts';
import { json } from './text.ts';

export function versionRoute(version: VersionInfo): Route {
  return { path: '/version', match: 'exact', listed: true, getOnly: true, handle: () => json(version) };
}
