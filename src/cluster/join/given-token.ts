// The token that a machine was given to join with, by flag or file.
import { existsSync, readFileSync } from 'node:fs';
import { CommandError } from '../commands/command-error.ts';
import { type JoinToken, parseJoinToken } from './token.ts';

export interface GivenToken {
  readonly token?: string | undefined;
  /** Gone once the machine has joined. */
  readonly tokenFile?: string | undefined;
}

/**
 * For when it is needed. A machine that has joined needs none, and its file is gone.
 * @throws CommandError when what was given is no token; the result, when there is none
 */
export function givenToken({ token, tokenFile }: GivenToken): () => JoinToken {
  const there = tokenFile !== undefined && existsSync(tokenFile);
  const text = token ?? (there ? readFileSync(tokenFile, 'utf8') : undefined);
  if (text === undefined) {
    const gone = tokenFile === undefined ? 'give --token' : `${tokenFile} does not exist; give --token or another --token-file`;
    return () => {
      throw new CommandError(`this machine has not joined yet: ${gone}, made by proa token create on the server`);
    };
  }
  const parsed = parseJoinToken(text);
  if (parsed !== undefined) return () => parsed;
  const source = token === undefined ? `what ${tokenFile} holds` : '--token';
  throw new CommandError(`${source} is no join token (K10…::….…): make one with proa token create on the server`);
}
