import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPolicy } from '#apiserver/audit/policy.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { settingFile } from './setting-file.ts';

const folder = temporaryFolder({ after });
const policy = join(folder, 'policy.yaml');

const read = (path: string) => settingFile('auditPolicyFile', path, readPolicy);

test('settingFile gives what the file says', () => {
  writeFileSync(policy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n');
  assert.equal(read(policy).rules?.length, 1);
});

for (const [what, text, says] of [
  ['is no YAML', 'rules: [', /^--audit-policy-file \S+policy\.yaml: /],
  ['says what cannot be used', 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Loud}]\n', /policy\.yaml: .*Loud/],
] as const) {
  test(`settingFile names the flag of a file that ${what}`, () => {
    writeFileSync(policy, text);
    assert.throws(() => read(policy), { name: 'SettingsError', message: says });
  });
}

test('settingFile names the flag of a file that cannot be read', () =>
  assert.throws(() => read(join(folder, 'none')), {
    name: 'SettingsError',
    message: `--audit-policy-file ${folder}/none cannot be read (ENOENT)`,
  }));

test('settingFile leaves faults that are no fault of the file', () =>
  assert.throws(() => settingFile('auditPolicyFile', policy, () => (undefined as unknown as { a: string }).a), TypeError));
