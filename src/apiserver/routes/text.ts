// Answers that are no API objects.
import type { Answer } from '../handlers/answer.ts';

export function text(code: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    kind: 'bytes',
    code,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers },
    body: Buffer.from(body),
  };
}

/** As net/http answers an unknown path. */
export const pageNotFound = (): Answer => text(404, '404 page not found\n');

export function json(body: unknown, pretty = true): Answer {
  return {
    kind: 'bytes',
    code: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body, undefined, pretty ? 2 : 0)),
  };
}
