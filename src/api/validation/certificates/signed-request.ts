// The key that asks in a PKCS#10 request, and the signature of it that the request bears.
// Source: x509 ParseCertificateRequest, CertificateRequest.CheckSignature.
import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';

interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

class DerError extends Error {
  override readonly name = 'DerError';
}

/** The elements that follow one another in `der`. @throws DerError */
function elements(der: Uint8Array): readonly Element[] {
  const out: Element[] = [];
  for (let at = 0; at < der.length;) {
    const first = der[at + 1];
    if (first === undefined) throw new DerError('asn1: syntax error: truncated tag or length');
    const bytes = first < 0x80 ? 0 : first & 0x7f;
    if (bytes > 4 || at + 2 + bytes > der.length) throw new DerError('asn1: structure error: length too large');
    let length = bytes === 0 ? first : 0;
    for (let i = 0; i < bytes; i++) length = length * 256 + (der[at + 2 + i] as number);
    const start = at + 2 + bytes;
    if (start + length > der.length) throw new DerError('asn1: syntax error: data truncated');
    out.push({ tag: der[at] as number, whole: der.subarray(at, start + length), content: der.subarray(start, start + length) });
    at = start + length;
  }
  return out;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Algorithm {
  readonly key: 'RSA' | 'ECDSA' | 'Ed25519';
  /** Null where the signature digests for itself. */
  readonly digest: string | null;
  readonly pss?: true;
}

const rsa = (digest: string): Algorithm => ({ key: 'RSA', digest });
const ecdsa = (digest: string): Algorithm => ({ key: 'ECDSA', digest });

const MD5_WITH_RSA = '2a864886f70d010104';
const RSA_PSS = '2a864886f70d01010a';
/** By the DER of their identifiers. A request only signs for itself: SHA-1 does. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '2a864886f70d010105': rsa('sha1'),
  '2b0e03021d': rsa('sha1'), // as ISO names it
  '2a864886f70d01010b': rsa('sha256'),
  '2a864886f70d01010c': rsa('sha384'),
  '2a864886f70d01010d': rsa('sha512'),
  '2a8648ce3d0401': ecdsa('sha1'),
  '2a8648ce3d040302': ecdsa('sha256'),
  '2a8648ce3d040303': ecdsa('sha384'),
  '2a8648ce3d040304': ecdsa('sha512'),
  '2b6570': { key: 'Ed25519', digest: null },
};
/** Digests of RSA-PSS by the DER of their identifiers, and how long the salt is with each. */
const PSS_DIGESTS: Readonly<Record<string, readonly [digest: string, salt: number]>> = {
  '608648016503040201': ['sha256', 32],
  '608648016503040202': ['sha384', 48],
  '608648016503040203': ['sha512', 64],
};

const TAGS = "asn1: structure error: tags don't match";
const UNIMPLEMENTED = 'x509: cannot verify signature: algorithm unimplemented';

/** @throws DerError for what Go does not verify */
function algorithmOf(identifier: Element): Algorithm {
  const [oid, parameters] = elements(identifier.content);
  if (oid === undefined) throw new DerError(TAGS);
  const id = hex(oid.content);
  if (id === MD5_WITH_RSA) throw new DerError('x509: cannot verify signature: insecure algorithm MD5-RSA');
  const known = id === RSA_PSS && parameters !== undefined ? pss(parameters) : ALGORITHMS[id];
  if (known === undefined) throw new DerError(UNIMPLEMENTED);
  return known;
}

/** Source: x509 getSignatureAlgorithmFromAI. */
function pss(parameters: Element): Algorithm | undefined {
  const fields = elements(parameters.content);
  const field = (tag: number): Element | undefined => {
    const found = fields.find((one) => one.tag === tag);
    return found === undefined ? undefined : elements(found.content)[0];
  };
  const hash = field(0xa0);
  const [oid] = hash === undefined ? [] : elements(hash.content);
  const [digest, salt] = PSS_DIGESTS[oid === undefined ? '' : hex(oid.content)] ?? [];
  const length = field(0xa2);
  if (digest === undefined || length === undefined || hex(length.content) !== salt?.toString(16)) return undefined;
  return { key: 'RSA', digest, pss: true };
}

const KEY_TYPES: Readonly<Record<string, { readonly name: Algorithm['key']; readonly go: string; readonly failure: string }>> = {
  rsa: { name: 'RSA', go: '*rsa.PublicKey', failure: 'crypto/rsa: verification error' },
  ec: { name: 'ECDSA', go: '*ecdsa.PublicKey', failure: 'x509: ECDSA verification failure' },
  ed25519: { name: 'Ed25519', go: 'ed25519.PublicKey', failure: 'x509: Ed25519 verification failure' },
};
/** As OpenSSL names the curves that Go reads. */
const CURVES: ReadonlySet<string> = new Set(['secp224r1', 'prime256v1', 'secp384r1', 'secp521r1']);
const MIN_RSA_BITS = 1024;

/** The key that asks in a PKCS#10 request, which it signed. @throws Error, a DerError or of the crypto library */
export function requestingKey(der: Uint8Array): KeyObject {
  const [outer] = elements(der);
  const [info, identifier, signature] = outer === undefined ? [] : elements(outer.content);
  if (info === undefined || identifier === undefined || signature === undefined) throw new DerError(TAGS);
  const spki = elements(info.content)[2];
  if (spki === undefined) throw new DerError(TAGS);
  const key = createPublicKey({ key: Buffer.from(spki.whole), format: 'der', type: 'spki' });
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (namedCurve !== undefined && !CURVES.has(namedCurve)) throw new DerError('x509: unsupported elliptic curve');

  const algorithm = algorithmOf(identifier);
  const type = KEY_TYPES[key.asymmetricKeyType ?? ''];
  if (type === undefined) throw new DerError(UNIMPLEMENTED);
  if (type.name !== algorithm.key)
    throw new DerError(`x509: signature algorithm specifies an ${algorithm.key} public key, but have public key of type ${type.go}`);
  if (type.name === 'RSA' && modulusLength < MIN_RSA_BITS)
    throw new DerError(`crypto/rsa: ${modulusLength}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)`);
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  // The first octet of a bit string counts unused bits.
  const valid = verify(algorithm.digest, info.whole, { key, ...(algorithm.pss ? padding : {}) }, signature.content.subarray(1));
  if (!valid) throw new DerError(type.failure);
  return key;
}
