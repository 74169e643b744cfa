// What is kept of a text must not keep all of it.

/** Shorter, V8 copies a piece; longer, it holds the text the piece was cut from. Source: V8 SlicedString::kMinLength. */
const MIN_SLICE = 13;

/** `piece`, by itself: what it was cut from may go. */
export const ownText = (piece: string): string => (piece.length < MIN_SLICE ? piece : `${piece} `.slice(0, -1));
