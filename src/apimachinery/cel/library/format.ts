// Named formats: `format.dns1123Label().validate(name)`. Source: apiserver library/format.go.
import { dns1035Label, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../names.ts';
import { parseRequestUri } from '../../urls.ts';
import type { Value } from '../contract.ts';
import { overload, member, type Functions, type Library } from '../functions.ts';
import { listOf, objectOf, optionalOf, STRING } from '../types.ts';
import { NONE, OpaqueValue, Optional } from '../values/values.ts';

const FORMAT = objectOf('kubernetes.NamedFormat', {});

export class Format extends OpaqueValue {
  readonly type = FORMAT;
  readonly name: string;
  /** Why the text is not of this format; empty when it is. */
  readonly validate: (text: string) => readonly string[];
  /** Length of the pattern it would take, for costs. */
  readonly regexSize: number;

  constructor(name: string, validate: (text: string) => readonly string[], regexSize: number) {
    super();
    this.name = name;
    this.validate = validate;
    this.regexSize = regexSize;
  }

  equals(other: Value): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

/** A name with a generated part to come may end with a dash. Source: maskTrailingDash. */
const asPrefix = (validate: (text: string) => readonly string[]) => (text: string) =>
  validate(text.length > 1 && text.endsWith('-') ? `${text.slice(0, -2)}a` : text);

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DATE = /^\d{4}-(\d\d)-(\d\d)$/;
const DATETIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/;

const matching = (form: RegExp, message: string) => (text: string) => (form.test(text) ? [] : [message]);

function date(text: string): readonly string[] {
  const valid = DATE.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true;
  return valid ? [] : ['invalid date'];
}

function uri(text: string): readonly string[] {
  const url = parseRequestUri(text);
  return typeof url === 'string' ? [url] : [];
}

/** Sizes of patterns are upstream's; those of uuid, date and datetime are the lengths of strfmt's. */
const FORMATS: Readonly<Record<string, Format>> = {
  dns1123Label: new Format('DNS1123Label', dns1123Label, 30),
  dns1123Subdomain: new Format('DNS1123Subdomain', dns1123Subdomain, 60),
  dns1035Label: new Format('DNS1035Label', dns1035Label, 30),
  qualifiedName: new Format('QualifiedName', qualifiedName, 60),
  dns1123LabelPrefix: new Format('DNS1123LabelPrefix', asPrefix(dns1123Label), 30),
  dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', asPrefix(dns1123Subdomain), 60),
  dns1035LabelPrefix: new Format('DNS1035LabelPrefix', asPrefix(dns1035Label), 30),
  labelValue: new Format('LabelValue', labelValue, 40),
  uri: new Format('URI', uri, 1000),
  uuid: new Format('uuid', matching(UUID, 'does not match the UUID format'), 83),
  byte: new Format('byte', matching(BASE64, 'invalid base64'), 84),
  date: new Format('date', date, 97),
  datetime: new Format('datetime', matching(DATETIME, 'invalid datetime'), 97),
};

function validate(format: Format, text: string): Optional {
  const reasons = format.validate(text);
  return reasons.length === 0 ? NONE : new Optional(reasons);
}

const CONSTANTS: Functions = Object.fromEntries(
  Object.entries(FORMATS).map(([name, format]) => [`format.${name}`, [overload(`format.${name}`, [], FORMAT, () => format)]]),
);

export const FORMAT_LIBRARY: Library = {
  types: { 'kubernetes.NamedFormat': FORMAT },
  functions: {
    ...CONSTANTS,
    'format.named': [
      overload('format-named', [STRING], optionalOf(FORMAT), (name: string) =>
        Object.hasOwn(FORMATS, name) ? new Optional(FORMATS[name]) : NONE,
      ),
    ],
    validate: [member('format-validate', [FORMAT, STRING], optionalOf(listOf(STRING)), validate)],
  },
};
