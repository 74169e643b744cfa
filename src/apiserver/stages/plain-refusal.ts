// Refusals that are told in plain text, since what would encode a Status is not asked any more.
import { StatusError } from '#apimachinery/errors.ts';

/** Source: net/http Error. */
export class PlainRefusal extends StatusError {}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** What a client sent, for a text that a browser may show. Source: responsewriters sanitizer. */
export const sanitized = (text: string): string => text.replace(/[&<>]/g, (c) => ENTITIES[c] as string);
