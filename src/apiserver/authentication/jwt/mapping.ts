// From verified claims to a user, by claims or by expressions. Source: oidc.go getUsername … getExtra,
// apiserver pkg/authentication/cel.
import type { Program } from '#apimachinery/cel/contract.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError, EvaluationError } from '#apimachinery/cel/errors.ts';
import { BOOL, DYN, listOf, mapOf, objectOf, sameType, STRING, type Type } from '#apimachinery/cel/types.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { ConfigurationError } from '../../configuration/decode.ts';
import { AuthenticationError, type UserInfo } from '../contract.ts';
import { EXTRA } from '../names.ts';
import type { JwtIssuer, PrefixedClaimOrExpression } from './configuration.ts';

const CLAIMS = createEnvironment({ variables: { claims: mapOf(STRING, DYN) } });
const USER = createEnvironment({
  variables: {
    user: objectOf('kubernetes.UserInfo', {
      username: STRING,
      uid: STRING,
      groups: listOf(STRING),
      extra: mapOf(STRING, listOf(STRING)),
    }),
  },
});

/** @throws AuthenticationError when the claims are not enough or not allowed */
export type ClaimsToUser = (claims: JsonObject) => UserInfo;

/** @throws ConfigurationError for expressions that do not compile or give the wrong type */
export function claimsToUser({ claimMappings, claimValidationRules = [], userValidationRules = [] }: JwtIssuer): ClaimsToUser {
  const { username, groups, uid, extra = [] } = claimMappings;
  const name = single('username', username, CLAIMS);
  const id = uid === undefined ? undefined : single('uid', uid, CLAIMS);
  const members = groups === undefined ? undefined : several('group', groups);
  const extras = extra.map(({ key, valueExpression }) => ({ key, values: compile(CLAIMS, valueExpression) }));
  const rules = claimValidationRules.map((rule) => ({
    ...rule,
    program: rule.expression === undefined ? undefined : compile(CLAIMS, rule.expression, BOOL),
  }));
  const checks = userValidationRules.map(({ expression, message }) => ({ message, expression, program: compile(USER, expression, BOOL) }));
  return (claims) => {
    const user = name(claims);
    if (user === '' && !username.claim) throw new AuthenticationError('oidc: empty username via CEL expression is not allowed');
    if (username.claim === 'email' && 'email_verified' in claims && claims['email_verified'] !== true) {
      throw new AuthenticationError('oidc: email not verified');
    }
    const found: UserInfo = {
      name: user,
      ...(id === undefined ? {} : { uid: id(claims) }),
      groups: members?.(claims) ?? [],
      ...extraOf(claims, extras),
    };
    for (const { claim, requiredValue = '', expression, message, program } of rules) {
      if (program !== undefined) demand(program, { claims }, { message, expression, what: 'claim validation expression' });
      else if (claim !== undefined && claim !== '') requireClaim(claims, claim, requiredValue);
    }
    const { name: own, ...rest } = found;
    for (const { program, message, expression } of checks) {
      demand(program, { user: { uid: '', extra: {}, ...rest, username: own } }, { message, expression, what: 'user info validation rule' });
    }
    return found;
  };
}

function requireClaim(claims: JsonObject, claim: string, wanted: string): void {
  if (!(claim in claims)) throw new AuthenticationError(`oidc: required claim ${claim} not present in ID token`);
  const got = claims[claim];
  if (typeof got !== 'string') throw new AuthenticationError(`oidc: parse claim ${claim}: it is no string`);
  if (got !== wanted) throw new AuthenticationError(`oidc: required claim ${claim} value does not match. Got = ${got}, want = ${wanted}`);
}

interface Demand {
  readonly message: string | undefined;
  readonly expression: string | undefined;
  readonly what: string;
}

function demand(program: Program, activation: JsonObject, { message, expression, what }: Demand): void {
  if (evaluate(program, activation, what) === true) return;
  const why =
    message === undefined || message === ''
      ? `validation expression '${expression}' failed`
      : `validation expression '${expression}' failed: ${message}`;
  throw new AuthenticationError(`oidc: error evaluating ${what}: ${why}`);
}

function single(
  what: string,
  { claim, prefix = '', expression }: PrefixedClaimOrExpression,
  environment: typeof CLAIMS,
): (claims: JsonObject) => string {
  if (expression !== undefined && expression !== '') {
    const program = compile(environment, expression, STRING);
    return (claims) => {
      const value = evaluate(program, { claims }, `${what} claim expression`);
      if (typeof value !== 'string')
        throw new AuthenticationError(`oidc: error evaluating ${what} claim expression: ${what} claim expression must return a string`);
      return value;
    };
  }
  return (claims) => {
    const value = claims[claim ?? ''];
    if (typeof value !== 'string')
      throw new AuthenticationError(`oidc: parse ${what} claims ${JSON.stringify(claim)}: claim not present or no string`);
    return prefix + value;
  };
}

function several(what: string, { claim, prefix = '', expression }: PrefixedClaimOrExpression): (claims: JsonObject) => readonly string[] {
  if (expression !== undefined && expression !== '') {
    const program = compile(CLAIMS, expression);
    return (claims) => stringList(evaluate(program, { claims }, `${what} claim expression`), `${what} claim expression`);
  }
  return (claims) => {
    if (claim === undefined || claim === '' || !(claim in claims)) return [];
    const value = claims[claim];
    const list = typeof value === 'string' ? [value] : value;
    if (!Array.isArray(list) || list.some((item) => typeof item !== 'string')) {
      throw new AuthenticationError(`oidc: parse groups claim ${JSON.stringify(claim)}: it is no list of strings`);
    }
    return (list as readonly string[]).map((group) => prefix + group);
  };
}

function extraOf(claims: JsonObject, extras: readonly { readonly key: string; readonly values: Program }[]): Pick<UserInfo, 'extra'> {
  const found: Record<string, readonly string[]> = {};
  const { jti } = claims;
  if (typeof jti === 'string' && jti !== '') found[EXTRA.credentialId] = [`JTI=${jti}`];
  for (const { key, values } of extras) {
    const list = stringList(evaluate(values, { claims }, 'extra claim expression'), 'extra claim expression');
    if (list.length > 0) found[key] = list;
  }
  return Object.keys(found).length === 0 ? {} : { extra: found };
}

/** A string, a list of strings, or nothing. Source: convertCELValueToStringList. */
function stringList(value: unknown, what: string): readonly string[] {
  if (value === null || value === undefined || value === '') return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.filter((item) => item !== '');
  throw new AuthenticationError(`oidc: error evaluating ${what}: expression must return a string or a list of strings`);
}

function compile(environment: typeof CLAIMS, source: string, wanted?: Type): Program {
  let program: Program;
  try {
    program = environment.compile(source);
  } catch (error) {
    if (error instanceof CompileError) throw new ConfigurationError(`compilation failed: ${error.message}`);
    throw error;
  }
  // What is only known when claims are is checked then.
  if (wanted !== undefined && !sameType(wanted, program.resultType) && !sameType(DYN, program.resultType)) {
    throw new ConfigurationError(`the expression ${JSON.stringify(source)} must return a ${wanted.kind}`);
  }
  return program;
}

function evaluate(program: Program, activation: JsonObject, what: string): unknown {
  try {
    const { value } = program.evaluate(activation);
    return isObject(value) ? { ...value } : value;
  } catch (error) {
    if (error instanceof EvaluationError)
      throw new AuthenticationError(`oidc: error evaluating ${what}: ${error.message}`, { cause: error });
    throw error;
  }
}
