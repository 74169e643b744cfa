// pure
// Formats of strings in schemas of custom resources. Unknown ones say nothing about a value.
// Source: apiextensions pkg/apiserver/validation formats.go, kube-openapi strfmt, govalidator.
import { DurationError, parseDuration } from '#apimachinery/duration.ts';
import { parseIp } from '#apimachinery/ip.ts';
import { parseRequestUri } from '#apimachinery/urls.ts';

type Check = (text: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const HOSTNAME =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.))+([a-zA-Z\p{L}]){2,63})$/u;
const MAX_HOSTNAME = 255;
const MAX_LABEL = 63;
const MAX_LONG_NAME = 253;
const SHORT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LONG_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const CREDIT_CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
const RGB = String.raw`(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])`;
const RGB_COLOR = new RegExp(String.raw`^rgb\(\s*${RGB}\s*,\s*${RGB}\s*,\s*${RGB}\s*\)$`);
const DATE = /^\d{4}-(\d{2})-(\d{2})$/;
/** What follows the T; any character may begin the fraction. Source: strfmt DateTimePattern. */
const TIME = /^(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/;
/** The first of each may go on: `seconds`. Source: strfmt timeUnits. */
const DURATION_UNITS: readonly (readonly string[])[] = [
  ['nano', 'ns'],
  ['micro', 'us', 'µs'],
  ['milli', 'ms'],
  ['sec', 's'],
  ['min', 'm'],
  ['hour', 'h', 'hr'],
  ['day', 'd'],
  ['week', 'w', 'wk'],
];
const MAX_AMOUNT = 2n ** 63n - 1n;
const LETTER = String.raw`[\w!#$%&'*+/=?^\x60{|}~\u0080-\uffff-]`;
const ATOMS = String.raw`${LETTER}+(?:\.${LETTER}+)*`;
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"`;
const ADDRESS = String.raw`(?:${ATOMS}|${QUOTED})@\s*(?:${ATOMS}|\[[^\]]*\])`;
const BARE_ADDRESS = new RegExp(String.raw`^\s*${ADDRESS}\s*$`);
/** Behind a name, which need not be there. Source: mail.ParseAddress. */
const NAMED_ADDRESS = new RegExp(String.raw`^\s*(?:(?:(?:${LETTER}|\.)+|${QUOTED})(?:\s+|(?=["<])))*<\s*${ADDRESS}>\s*$`);

const stripped = (text: string): string => text.replace(/[\s-]+/g, '');

function isIsbn10(text: string): boolean {
  const digits = stripped(text);
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (i + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = stripped(text);
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, i) => total + (i % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0;
}

/** The Luhn sum of a number of a known issuer. */
function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  if (!CREDIT_CARD.test(digits)) return false;
  const sum = [...digits].toReversed().reduce((total, digit, i) => {
    const doubled = i % 2 === 1 ? Number(digit) * 2 : Number(digit);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

/** Leading zeros are taken, as Go before 1.17 did. */
const sloppy = (text: string): string => text.replace(/(^|\.)0+(?=\d)/g, '$1');

function isCidr(text: string): boolean {
  const match = /^(.+)\/(\d{1,3})$/.exec(text);
  if (match === null) return false;
  const [address, bits] = [sloppy(match[1] as string), Number(match[2])];
  const ip = parseIp(address);
  return ip !== undefined && bits <= (ip.family === 4 ? 32 : 128);
}

function isDate(text: string): boolean {
  const match = DATE.exec(text);
  return match !== null && !Number.isNaN(Date.parse(text)) && new Date(text).getUTCDate() === Number(match[2]);
}

function isDuration(text: string): boolean {
  try {
    parseDuration(text);
    return true;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    return saysHowLong(text);
  }
}

/** One amount with a unit is enough, whatever else the text says. */
function saysHowLong(text: string): boolean {
  const amounts = [...text.matchAll(/(?<!\d)(\d+)[\t\n\f\r ]*([A-Za-zµ]+)/g)];
  if (amounts.some(([, amount = '']) => BigInt(amount) > MAX_AMOUNT)) return false;
  return amounts.some(([, , given = '']) => {
    const unit = given.toLowerCase();
    return DURATION_UNITS.some((units) => unit.startsWith(units[0] as string) || units.includes(unit));
  });
}

/** Absolute, or a path from the root. Source: url.ParseRequestURI. */
const isUri = (text: string): boolean => typeof parseRequestUri(text) !== 'string';

const isEmail = (text: string): boolean => BARE_ADDRESS.test(text) || NAMED_ADDRESS.test(text);

/** Source: strfmt IsDateTime. */
function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const [, hours = '', minutes = '', seconds = ''] = TIME.exec(time) ?? [];
  return hours !== '' && isDate(date) && hours <= '23' && minutes <= '59' && seconds <= '59';
}

const MAC =
  /^(?:[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}(?:(?:[0-9a-f]{2}\1){2}|(?:[0-9a-f]{2}\1){14})?[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}(?:[0-9a-f]{4}\.)?[0-9a-f]{4}|(?:[0-9a-f]{4}\.){9}[0-9a-f]{4})$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

/** By name without dashes. */
const FORMATS: Readonly<Record<string, Check>> = {
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  uri: isUri,
  email: isEmail,
  hostname: (text) =>
    HOSTNAME.test(text) && Buffer.byteLength(text) <= MAX_HOSTNAME && text.split('.').every((part) => Buffer.byteLength(part) <= MAX_LABEL),
  ipv4: (text) => text.includes('.') && parseIp(sloppy(text)) !== undefined,
  ipv6: (text) => text.includes(':') && parseIp(text) !== undefined,
  cidr: isCidr,
  mac: matches(MAC),
  uuid: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid3: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid4: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uuid5: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matches(RGB_COLOR),
  byte: matches(BASE64),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (text) => text.length <= MAX_LABEL && SHORT_NAME.test(text),
  k8slongname: (text) => text.length <= MAX_LONG_NAME && LONG_NAME.test(text),
};

const normalized = (format: string): string => format.replaceAll('-', '');

/** How strings of a format are checked; undefined for one that is unknown. */
export const stringFormat = (format: string): Check | undefined =>
  Object.hasOwn(FORMATS, normalized(format)) ? FORMATS[normalized(format)] : undefined;

const NUMBER_FORMATS: ReadonlyMap<string, readonly string[]> = new Map([
  ['integer', ['int32', 'int64']],
  ['number', ['float', 'double']],
]);

/** Whether a format says something about values of a type. Source: GetUnrecognizedFormats. */
export function isKnownFormat(type: string, format: string): boolean {
  if (type === '' || type === 'string') return stringFormat(format) !== undefined;
  return NUMBER_FORMATS.get(type)?.includes(format) === true;
}
