// pure
// A hand of queues for each flow, so that two flows rarely share all of theirs. Source: k8s.io/apiserver shufflesharding Dealer.

/**
 * Draws `hand.length` different queues out of `deck`, from the digits of `hash` in falling bases.
 * @param hash a whole number of up to 53 bits: enough for 8 of 128 and 6 of 512 queues
 */
export function deal(hash: number, deck: number, hand: Int32Array): void {
  let rest = hash;
  for (let i = 0; i < hand.length; i++) {
    const left = deck - i;
    const next = Math.floor(rest / left);
    let card = rest - next * left;
    rest = next;
    // The card counts among those not drawn yet: `hand` is kept sorted up to i to step over the drawn ones.
    let at = 0;
    while (at < i && (hand[at] as number) <= card) {
      card++;
      at++;
    }
    hand.copyWithin(at + 1, at, i);
    hand[at] = card;
  }
}

const LOW = 0x811c9dc5;
const HIGH = 0x9e3779b9;
const PRIME = 0x01000193;
const TOP = 2 ** 32;
const HIGH_BITS = 2 ** 21 - 1;

/** 53 bits of `text`, spread evenly: two FNV-1a hashes of different seeds, mixed. */
export function hash53(text: string): number {
  let [a, b] = [LOW, HIGH];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, PRIME);
    b = Math.imul(b ^ code, PRIME) ^ (b >>> 15);
  }
  return (mixed(b) & HIGH_BITS) * TOP + (mixed(a) >>> 0);
}

/** The last step of murmur3, so that near texts are far apart. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
