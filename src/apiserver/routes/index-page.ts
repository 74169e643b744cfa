// `/`: the paths there are. Source: apiserver pkg/server/routes Index.
import type { Catalog } from '../registry/catalog.ts';
import type { Route } from './contract.ts';
import { json } from './text.ts';

export function indexRoute(catalog: Catalog, routes: () => readonly Route[]): Route {
  return {
    path: '/',
    match: 'exact',
    listed: false,
    handle: () => {
      const paths = new Set(['/api', '/apis']);
      for (const { info } of catalog.resources()) {
        if (info.group === '') paths.add(`/api/${info.version}`);
        else paths.add(`/apis/${info.group}`).add(`/apis/${info.group}/${info.version}`);
      }
      for (const route of routes()) if (route.listed) paths.add(route.path);
      return json({ paths: [...paths].toSorted() });
    },
  };
}
