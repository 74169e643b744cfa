// `serviceaccounts/token`, as the server answers it. What is granted, ./service-account/token-request.ts decides.
import type { TokenRequest } from '#api/gen/authentication-v1.ts';
import type { KubeObject } from '#api/types.ts';
import type { AdmissionAttributes } from '../admission/contract.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Handlers } from '../handlers/dispatch.ts';
import { checkInput, readObject, type HandlerDeps, type Operation } from '../handlers/operation.ts';
import { parseWriteOptions } from '../registry/write-options.ts';
import { createToken, type TokenRequestDeps } from './service-account/token-request.ts';

const KIND = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } as const;

export function tokenHandlers(deps: TokenRequestDeps): ReadonlyMap<string, Handlers> {
  return new Map([['serviceaccounts/token', { create: (operation, parts) => answer(operation, parts, deps) }]]);
}

async function answer(operation: Operation, { registry, ...parts }: HandlerDeps, deps: TokenRequestDeps): Promise<Answer> {
  const { request, served } = operation;
  const { namespace, name } = request.info;
  checkInput(operation);
  const options = parseWriteOptions(request.query, 'CreateOptions');
  const given = await readObject<TokenRequest>(operation, KIND, options, { registry, ...parts });
  const attributes = (object: TokenRequest): AdmissionAttributes => ({
    operation: 'CREATE',
    name,
    namespace,
    resource: served.info,
    subresource: 'token',
    kind: KIND,
    object: object as unknown as KubeObject,
    oldObject: undefined,
    options: options.object,
    dryRun: options.dryRun,
    user: request.user,
    request,
  });
  const mutated = (await registry.admission.mutate(attributes(given))) as unknown as TokenRequest | undefined;
  const object = await createToken(
    {
      namespace,
      name,
      request: mutated ?? given,
      warnings: request.warnings,
      audit: request.audit,
      admit: (complete) => registry.admission.validate(attributes(complete)),
    },
    deps,
  );
  return { kind: 'object', code: 201, object };
}
