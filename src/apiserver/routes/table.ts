// Finds the route for a path: an exact one first, then the longest prefix.
import type { Route } from './contract.ts';

export class RouteTable {
  readonly #exact = new Map<string, Route>();
  readonly #prefixes: readonly Route[];
  readonly routes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    for (const route of routes) this.#exact.set(route.path, route);
    this.#prefixes = routes.filter(({ match }) => match === 'prefix').toSorted((a, b) => b.path.length - a.path.length);
  }

  /** @param path decoded; a closing slash does not matter */
  find(path: string): Route | undefined {
    const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    return this.#exact.get(plain) ?? this.#prefixes.find((route) => plain.startsWith(`${route.path}/`));
  }
}
