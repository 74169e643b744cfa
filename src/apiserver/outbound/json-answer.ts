// The JSON that a webhook answers with. Source: client-go rest Result.Into.
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { decodeAnswer } from '#client/https/answer.ts';
import { OutboundError, type OutboundAnswer } from './contract.ts';

/** @throws StatusError for an answer that refuses, OutboundError for one that is no JSON */
export function jsonOf(url: string, answer: OutboundAnswer): unknown {
  const contentType = answer.headers['content-type'] ?? '';
  if (answer.status < 200 || answer.status > 206) {
    const retryAfter = Number(answer.headers['retry-after']);
    const refusal = { ...answer, contentType, retryAfter: Number.isInteger(retryAfter) ? retryAfter : undefined };
    return decodeAnswer({ method: 'POST', path: url, headers: {} }, refusal);
  }
  try {
    return parseJson(answer.body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new OutboundError('failed', `couldn't get version/kind; json parse error: ${error.message}`);
  }
}
