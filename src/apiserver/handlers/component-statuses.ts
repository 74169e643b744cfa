// componentstatuses: what there is of components, found out when asked. Source: pkg/registry/core/componentstatus.
import { notFound } from '#apimachinery/errors.ts';
import type { Answer } from './answer.ts';
import type { Handlers } from './dispatch.ts';
import type { HandlerDeps, Operation } from './operation.ts';

/** The store, under the name clients look for. */
const STORE = 'etcd-0';

async function storeStatus({ served }: Operation, { registry }: HandlerDeps): Promise<object> {
  let error: string | undefined;
  try {
    await registry.store.status();
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure); // what is reported
  }
  const condition = error === undefined ? { type: 'Healthy', status: 'True', message: 'ok' } : { type: 'Healthy', status: 'False', error };
  return { kind: 'ComponentStatus', apiVersion: served.apiVersion, metadata: { name: STORE }, conditions: [condition] };
}

async function get(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { name } = operation.request.info;
  if (name !== STORE) throw notFound(operation.served.info, name);
  return { kind: 'object', code: 200, object: await storeStatus(operation, deps) };
}

async function list(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const items = [await storeStatus(operation, deps)];
  return {
    kind: 'object',
    code: 200,
    object: { kind: 'ComponentStatusList', apiVersion: operation.served.apiVersion, metadata: {}, items },
  };
}

export const componentStatusHandlers: Handlers = { get, list };
