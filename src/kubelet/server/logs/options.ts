// pure
// What part of a log is wanted. Source: v1.PodLogOptions, ValidatePodLogOptions, cri-client logs NewLogOptions.
import { Refusal } from '../answers.ts';
import { parseNanos } from './line.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  /** Nanoseconds since the epoch; entries before it are left out. */
  readonly since: bigint | undefined;
  readonly streams: 'both' | 'stdout' | 'stderr';
}

const undecodable = (): Refusal => new Refusal(400, '{"message": "Unable to decode query."}');
const invalid = (): Refusal => new Refusal(422, '{"message": "Invalid request."}');

/** @param now milliseconds since the epoch. @throws Refusal 400, 422 */
export function logOptions(query: URLSearchParams, now: number): LogOptions {
  const tail = query.get('tail') ?? '';
  const tailLines = tail === 'all' ? undefined : tail === '' ? integer(query.get('tailLines')) : integer(tail);
  const limitBytes = integer(query.get('limitBytes'));
  const sinceSeconds = integer(query.get('sinceSeconds'));
  const sinceTime = query.get('sinceTime') ?? '';
  if (tailLines !== undefined && tailLines < 0) throw invalid();
  if (limitBytes !== undefined && limitBytes < 1) throw invalid();
  if (sinceSeconds !== undefined && (sinceSeconds < 1 || sinceTime !== '')) throw invalid();
  const streams = streamsOf(query.get('stream') ?? '');
  if (streams !== 'both' && tailLines !== undefined) throw invalid(); // Source: PodLogsQuerySplitStreams
  return {
    follow: flag(query.get('follow')),
    previous: flag(query.get('previous')),
    timestamps: flag(query.get('timestamps')),
    tailLines,
    limitBytes,
    since: since(sinceSeconds, sinceTime, now),
    streams,
  };
}

function since(seconds: number | undefined, time: string, now: number): bigint | undefined {
  if (seconds !== undefined) return BigInt(Math.round(now - seconds * 1000)) * 1_000_000n;
  if (time === '') return undefined;
  const nanos = parseNanos(time);
  if (nanos === undefined) throw undecodable();
  return nanos;
}

function streamsOf(stream: string): LogOptions['streams'] {
  switch (stream) {
    case '':
    case 'All':
      return 'both';
    case 'Stdout':
      return 'stdout';
    case 'Stderr':
      return 'stderr';
    default:
      throw invalid();
  }
}

function integer(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw undecodable();
  return Number(text);
}

/** Source: conversion Convert_Slice_string_To_bool. */
const flag = (text: string | null): boolean => text !== null && text !== '0' && text.toLowerCase() !== 'false';
