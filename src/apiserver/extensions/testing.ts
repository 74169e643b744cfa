// What tests of custom resources start from: a server over TLS, and plain JSON requests to it.
import assert from 'node:assert/strict';
import { customresourcedefinitions } from '#api/resources.ts';
import { isTrue } from '#api/structural/resources.ts';
import type { CustomResourceDefinition } from '#api/types.ts';
import { http1, type HttpAnswer } from '../testing/http.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../testing.ts';

export type Json = Readonly<Record<string, unknown>>;

/** An object as tests look at it. */
export interface Loose extends Readonly<Record<string, unknown>> {
  readonly metadata: Json;
  readonly spec: Json;
  readonly status: Json;
  readonly items: readonly Loose[];
  readonly message: string;
}

export interface Answered {
  readonly code: number;
  readonly body: Loose;
  readonly warnings: readonly string[];
  readonly text: string;
}

export interface Call {
  readonly contentType?: string;
  readonly accept?: string;
}

export class Api {
  readonly test: TestServer;

  constructor(test: TestServer) {
    this.test = test;
  }

  static async start(options: TestServerOptions = {}): Promise<Api> {
    return new Api(await startTestServer(options));
  }

  async request(method: string, path: string, body?: unknown, { contentType = 'application/json', accept }: Call = {}): Promise<Answered> {
    const answer = await http1(this.test, path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': contentType }), ...(accept === undefined ? {} : { accept }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return answered(answer);
  }

  get(path: string, call?: Call): Promise<Answered> {
    return this.request('GET', path, undefined, call);
  }

  /** The answer's object; anything but success is a failed test. */
  async done(method: string, path: string, body?: unknown, call?: Call): Promise<Loose> {
    const answer = await this.request(method, path, body, call);
    assert.ok(answer.code < 300, `${method} ${path}: ${answer.code} ${answer.text}`);
    return answer.body;
  }

  /** Creates a definition and resolves when it is established. */
  async define(crd: Json): Promise<CustomResourceDefinition> {
    const { metadata } = await this.done('POST', DEFINITIONS, crd);
    return this.until(
      String(metadata['name']),
      (found) => found !== undefined && isTrue(found, 'Established'),
    ) as Promise<CustomResourceDefinition>;
  }

  /** Resolves with the definition as soon as `holds`; by events. */
  until(name: string, holds: (crd: CustomResourceDefinition | undefined) => boolean): Promise<CustomResourceDefinition | undefined> {
    const { reader } = this.test.server;
    return new Promise((resolve) => {
      const look = (): boolean => {
        const crd = reader.get(customresourcedefinitions, name);
        if (!holds(crd)) return false;
        resolve(crd);
        return true;
      };
      if (look()) return;
      const remove = reader.onChange(customresourcedefinitions, () => {
        if (look()) remove();
      });
    });
  }

  stop(): Promise<void> {
    return this.test.stop();
  }
}

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

function answered({ status, headers, body }: HttpAnswer): Answered {
  const text = body.toString();
  const json = String(headers['content-type'] ?? '').startsWith('application/json');
  const warning = headers['warning'] ?? [];
  return { code: status, body: (json ? JSON.parse(text) : {}) as Loose, warnings: [warning].flat(), text };
}

export interface DefinitionOptions {
  readonly group?: string;
  readonly plural?: string;
  readonly kind?: string;
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly names?: Json;
  readonly versions?: readonly Json[];
  readonly spec?: Json;
  readonly metadata?: Json;
}

export const version = (name: string, schema: Json, more: Json = {}): Json => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: schema },
  ...more,
});

export const OPEN: Json = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** An object schema with `spec` and, where given, `status`. */
export const objectOf = (spec: Json, status?: Json): Json => ({
  type: 'object',
  properties: { spec: { type: 'object', ...spec }, ...(status === undefined ? {} : { status: { type: 'object', ...status } }) },
});

export function definition({
  group = 'example.com',
  plural = 'widgets',
  kind = 'Widget',
  scope = 'Namespaced',
  names = {},
  versions = [version('v1', OPEN)],
  spec = {},
  metadata = {},
}: DefinitionOptions = {}): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, ...metadata },
    spec: { group, scope, names: { plural, kind, ...names }, versions, ...spec },
  };
}

/** Where objects of a namespace are served. */
export const base = (group: string, plural = 'widgets', ns = 'default', v = 'v1'): string =>
  `/apis/${group}/${v}/namespaces/${ns}/${plural}`;

export const widget = (group: string, name: string, more: object = {}, kind = 'Widget', v = 'v1'): object => ({
  apiVersion: `${group}/${v}`,
  kind,
  metadata: { name },
  ...more,
});
