// A page as it streams through the proxy, its links led back through it.
import type { IncomingMessage } from 'node:http';
import { pipeline, Transform } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { LinkRewriter, type Page } from './links.ts';

/** The body of `answer`, which may be packed by gzip. A broken answer breaks what is read here. Source: Transport.rewriteResponse. */
export function pageThroughProxy(answer: IncomingMessage, page: Page): AsyncIterable<Uint8Array> {
  const done = (): void => {}; // whoever reads the last stream sees its error
  return answer.headers['content-encoding'] === 'gzip'
    ? pipeline(answer, createGunzip(), rewriting(page), createGzip(), done)
    : pipeline(answer, rewriting(page), done);
}

function rewriting(page: Page): Transform {
  const rewriter = new LinkRewriter(page);
  return new Transform({
    transform(chunk: Buffer, _, callback) {
      callback(null, Buffer.from(rewriter.write(chunk.toString('latin1')), 'latin1'));
    },
    flush(callback) {
      callback(null, Buffer.from(rewriter.end(), 'latin1'));
    },
  });
}
