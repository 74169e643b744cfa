import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Path } from '#apimachinery/field-path.ts';
import { ipErrors } from '#apimachinery/ip.ts';
import { Problems } from '../problems.ts';
import { isUsualIpv4, validateEndpointIp } from './endpoints.ts';

const OCTETS = ['', '0', '1', '01', '9', '10', '127', '169', '192', '224', '249', '254', '255', '256', '-1', '1e1'];
const AT = Path.of('ip');

test('isUsualIpv4 tells only of addresses with which nothing is wrong', () => {
  let usual = 0;
  for (const a of OCTETS)
    for (const b of OCTETS)
      for (const c of ['0', '1', '255', '256'])
        for (const d of OCTETS) {
          const ip = `${a}.${b}.${c}.${d}`;
          if (!isUsualIpv4(ip)) continue;
          usual++;
          const out = new Problems();
          out.add(ipErrors(AT, ip));
          validateEndpointIp(out, AT, ip);
          assert.deepEqual(out.list, [], ip);
        }
  assert.ok(usual > 1_000);
  for (const other of ['10.0.0.1 ', '10.0.0', '::1', '10.0.0.1\n', '']) assert.ok(!isUsualIpv4(other), other);
});
