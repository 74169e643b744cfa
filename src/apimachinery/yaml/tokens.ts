import type { Mark } from './cursor.ts';

/** The end of the text is a token as well. */
export type Token = { readonly start: Mark } & (
  | {
      readonly kind:
        | 'end'
        | 'document-start'
        | 'document-end'
        | 'block-sequence'
        | 'block-mapping'
        | 'block-end'
        | 'flow-sequence'
        | 'flow-sequence-end'
        | 'flow-mapping'
        | 'flow-mapping-end'
        | 'entry'
        | 'flow-entry'
        | 'key'
        | 'value';
    }
  | { readonly kind: 'version'; readonly major: number; readonly minor: number }
  | { readonly kind: 'tag-directive'; readonly handle: string; readonly prefix: string }
  | { readonly kind: 'alias' | 'anchor'; readonly name: string }
  | { readonly kind: 'tag'; readonly handle: string; readonly suffix: string }
  | { readonly kind: 'scalar'; readonly text: string; readonly plain: boolean }
);

export type TokenKind = Token['kind'];
