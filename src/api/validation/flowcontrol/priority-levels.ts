// PriorityLevelConfigurations. Source: flowcontrol validation.go, shufflesharding RequiredEntropyBits.
import type {
  LimitResponse,
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '../../gen/flowcontrol-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { subdomainName, validateObjectMeta } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateFlowConditions } from './flow-schemas.ts';
import { MANDATORY_PRIORITY_LEVELS } from './mandatory.ts';

const SPEC = Path.of('spec');
const MAX_QUEUES = 10_000_000;
const MAX_HASH_BITS = 60;
/** Source: PriorityLevelPreserveZeroConcurrencySharesKey. */
const ZERO_SHARES_ANNOTATION = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

export function validatePriorityLevel(out: Problems, level: PriorityLevelConfiguration): void {
  validateObjectMeta(out, level.metadata, 'cluster', subdomainName);
  if (level.metadata.annotations?.[ZERO_SHARES_ANNOTATION] !== undefined)
    out.forbidden(Path.of('metadata').child('annotations'), `annotation '${ZERO_SHARES_ANNOTATION}' is forbidden`);
  const spec: Partial<PriorityLevelConfigurationSpec> = level.spec ?? {};
  const { name } = level.metadata;
  validateSpec(out, spec, name);
  validateMandatory(out, spec, name);
  validateFlowConditions(out, level);
}

function validateMandatory(out: Problems, spec: Partial<PriorityLevelConfigurationSpec>, name: string): void {
  const fixed = MANDATORY_PRIORITY_LEVELS.get(name);
  if (fixed === undefined) return;
  if (name === 'exempt') {
    const { exempt: _exempt, ...rest } = spec;
    const same = semanticEqual(rest, { type: 'Exempt' });
    if (!same) out.invalid(SPEC, spec, `spec of '${name}' except the 'spec.exempt' field must equal the fixed value`);
  } else if (!semanticEqual(spec, fixed)) out.invalid(SPEC, spec, `spec of '${name}' must equal the fixed value`);
}

function validateShares(out: Problems, at: Path, shares: number | undefined, lendable: number | undefined): void {
  if (shares !== undefined && shares < 0) out.invalid(at.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer');
  if (lendable !== undefined && (lendable < 0 || lendable > 100))
    out.invalid(at.child('lendablePercent'), lendable, 'must be between 0 and 100, inclusive');
}

function validateSpec(out: Problems, { type, limited, exempt }: Partial<PriorityLevelConfigurationSpec>, name: string): void {
  if ((name === 'exempt') !== (type === 'Exempt'))
    out.invalid(SPEC.child('type'), type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'");
  if (type === 'Exempt') {
    if (limited !== undefined) out.forbidden(SPEC.child('limited'), 'must be nil if the type is not Limited');
    validateShares(out, SPEC.child('exempt'), exempt?.nominalConcurrencyShares, exempt?.lendablePercent);
  } else if (type === 'Limited') {
    if (exempt !== undefined) out.forbidden(SPEC.child('exempt'), 'must be nil if the type is Limited');
    if (limited === undefined) out.required(SPEC.child('limited'), 'must not be empty when type is Limited');
    else validateLimited(out, SPEC.child('limited'), limited);
  } else out.notSupported(SPEC.child('type'), type ?? '', ['Exempt', 'Limited']);
}

function validateLimited(out: Problems, at: Path, limited: Partial<LimitedPriorityLevelConfiguration>): void {
  const { nominalConcurrencyShares: shares, lendablePercent, borrowingLimitPercent: borrowing, limitResponse } = limited;
  if (shares !== undefined && shares < 0) out.invalid(at.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer');
  validateResponse(out, at.child('limitResponse'), limitResponse ?? {});
  validateShares(out, at, undefined, lendablePercent);
  if (borrowing !== undefined && borrowing < 0)
    out.invalid(at.child('borrowingLimitPercent'), borrowing, 'if specified, must be a non-negative integer');
}

function validateResponse(out: Problems, at: Path, { type, queuing }: Partial<LimitResponse>): void {
  if (type === 'Reject') {
    if (queuing !== undefined) out.forbidden(at.child('queuing'), 'must be nil if limited.limitResponse.type is not Limited');
  } else if (type === 'Queue') {
    if (queuing === undefined) out.required(at.child('queuing'), 'must not be empty if limited.limitResponse.type is Limited');
    else validateQueuing(out, at.child('queuing'), queuing);
  } else out.notSupported(at.child('type'), type ?? '', ['Queue', 'Reject']);
}

/** Bits of a hash that dealing a hand from a deck takes. */
const entropyBits = (deck: number, hand: number): number => Math.ceil(Math.log2(deck) * hand);

function validateQueuing(out: Problems, at: Path, { queueLengthLimit: length, queues, handSize: hand }: QueuingConfiguration): void {
  if (length <= 0) out.invalid(at.child('queueLengthLimit'), length, 'must be positive');
  if (queues <= 0) out.invalid(at.child('queues'), queues, 'must be positive');
  else if (queues > MAX_QUEUES) out.invalid(at.child('queues'), queues, `must not be greater than ${MAX_QUEUES}`);
  const path = at.child('handSize');
  if (hand <= 0) out.invalid(path, hand, 'must be positive');
  else if (hand > queues) out.invalid(path, hand, `should not be greater than queues (${queues})`);
  else if (entropyBits(queues, hand) > MAX_HASH_BITS) {
    out.invalid(path, hand, `required entropy bits of deckSize ${queues} and handSize ${hand} should not be greater than ${MAX_HASH_BITS}`);
  }
}
