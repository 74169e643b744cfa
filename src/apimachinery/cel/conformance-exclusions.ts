// Vectors of the CEL specification that do not apply to Kubernetes' CEL, each with why.

/** Whole suites, by the beginning of their names. */
export const EXCLUDED_SUITES: readonly (readonly [prefix: string, why: string])[] = [
  ['bindings_ext/', 'cel.bind is no library of Kubernetes'],
  ['block_ext/', 'cel.block is no library of Kubernetes'],
  ['encoders_ext/', 'base64 is no library of Kubernetes'],
  ['math_ext/', 'math is no library of Kubernetes'],
  ['network_ext/', 'the network library of Kubernetes is its own'],
  ['enums/', 'protobuf enums'],
  ['unknowns/', 'Kubernetes evaluates with all variables known'],
  ['fields/quoted_map_fields/', 'quoted identifiers are off in Kubernetes'],
];

/** Anything about protobuf messages and wrappers, which Kubernetes has none of. */
export const MESSAGES =
  /TestAllTypes|NestedMessage|messageType|wrapper"|protobuf\.(?:Any|Struct|Value|ListValue|(?:Bool|Bytes|Double|Float|U?Int(?:32|64)|String)Value)/;

const REPEATED_KEYS = 'upstream takes repeated keys';
const FORMAT = 'format of version 1 of the strings library, which Kubernetes has, writes it otherwise';
const OWN_FUNCTIONS = 'functions the vector declares itself';
const RECOVERY = 'what is reported after the first error differs: upstream recovers as ANTLR does';

export const EXCLUDED: ReadonlyMap<string, string> = new Map([
  ['fields/qualified_identifier_resolution/map_value_repeat_key', REPEATED_KEYS],
  ['fields/qualified_identifier_resolution/map_value_repeat_key_heterogeneous', REPEATED_KEYS],
  ['optionals/optionals/map_null_entry_no_such_key', 'presence in what has no members is false in Kubernetes, no error'],
  ['optionals/optionals/map_present_key_invalid_field', 'presence in what has no members is false in Kubernetes, no error'],
  ['string_ext/value_errors/indexof_out_of_range', 'upstream answers -1'],
  ['string_ext/value_errors/lastindexof_out_of_range', 'upstream answers -1'],
  ['string_ext/format/scientific notation formatting clause', FORMAT],
  ['string_ext/format/scientific notation formatting clause in a string variable', FORMAT],
  ['string_ext/format/default precision for scientific notation', FORMAT],
  ['string_ext/format/positive infinity support for scientific notation', FORMAT],
  ['string_ext/format/negative infinity support for scientific notation', FORMAT],
  ['string_ext/format/NaN support for decimal', FORMAT],
  ['string_ext/format/positive infinity support for decimal', FORMAT],
  ['string_ext/format/negative infinity support for decimal', FORMAT],
  ['string_ext/format/positive infinity support for fixed-point', FORMAT],
  ['string_ext/format/negative infinity support for fixed-point', FORMAT],
  ['string_ext/format/list support for string', FORMAT],
  ['string_ext/format/map support for string', FORMAT],
  ['string_ext/format/map support (all key types)', FORMAT],
  ['string_ext/format/dyntype support for scientific notation', FORMAT],
  ['string_ext/format/dyntype NaN/infinity support', FORMAT],
  ['string_ext/format/dyntype support for lists', FORMAT],
  ['string_ext/format/dyntype support for maps', FORMAT],
  ['type_deductions/functions/function_result_type', OWN_FUNCTIONS],
  ['type_deductions/type_parameters/multiple_parameters_generality', OWN_FUNCTIONS],
  ['type_deductions/type_parameters/multiple_parameters_generality_2', OWN_FUNCTIONS],
  ['type_deductions/type_parameters/multiple_parameters_parameterized_ovl', OWN_FUNCTIONS],
  ['type_deductions/type_parameters/multiple_parameters_parameterized_ovl_2', OWN_FUNCTIONS],
  ['type_deductions/legacy_nullable_types/null_assignable_to_abstract_parameter_candidate', 'upstream deduces null'],
  ["parsing/      '😁' in ['😁', '😑', '😦']\n\t\t\t&& in.😁", RECOVERY],
  ['parsing/func{{a}}', RECOVERY],
  ['parsing/--', RECOVERY],
  ['parsing/a ? b ((?))', RECOVERY],
  ['parsing/`b-c`', RECOVERY],
  ['parsing/`b-c`()', RECOVERY],
  ['parsing/a.`$b`', RECOVERY],
  ['parsing/x{?.', RECOVERY],
  ['parsing/x{.', RECOVERY],
]);
