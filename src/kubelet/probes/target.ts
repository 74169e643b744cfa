// Where a probe or hook goes.
import type { Container, HTTPGetAction, IntOrString } from '#api/types.ts';
import type { HttpTarget } from './http.ts';

const MAX_PORT = 65_535;

/** A port that does not exist; the message is upstream's. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

/** @throws PortError; Source: probe.ResolveContainerPort */
export function portOf(port: IntOrString, container: Container): number {
  const named =
    typeof port === 'number' ? port : (container.ports?.find(({ name }) => name === port)?.containerPort ?? Number.parseInt(port, 10));
  if (Number.isNaN(named)) throw new PortError(`couldn't find port: ${JSON.stringify(port)} in container ports`);
  if (named < 1 || named > MAX_PORT) throw new PortError(`invalid port number: ${named}`);
  return named;
}

/** @throws PortError; Source: probe/http NewRequestForHTTPGetAction */
export function httpTarget(action: HTTPGetAction, container: Container, podIP: string): HttpTarget {
  return {
    scheme: action.scheme === 'HTTPS' ? 'https' : 'http',
    host: action.host === undefined || action.host === '' ? podIP : action.host,
    port: portOf(action.port, container),
    path: action.path ?? '/',
    headers: action.httpHeaders ?? [],
  };
}
