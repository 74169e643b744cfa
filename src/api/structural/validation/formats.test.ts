import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKnownFormat, stringFormat } from './formats.ts';

const GOOD: Readonly<Record<string, readonly string[]>> = {
  bsonobjectid: ['507f1f77bcf86cd799439011'], uri: ['https://a.b/c', '/path', '/a b', 'a:', 'http:/a?b'], email: ['a@b.c', 'A <a@b.c>', '"a b" C< a@b.c>', 'a@ b'], hostname: ['a.example.com'],
  ipv4: ['1.2.3.4', '01.2.3.4'], ipv6: ['::1'], cidr: ['10.0.0.0/8', 'fd00::/8'], mac: ['01:23:45:67:89:ab', '0123.4567.89ab'],
  uuid: ['A987FBC9-4BED-3078-CF07-9141BA07C9F3'], uuid3: ['a987fbc9-4bed-3078-cf07-9141ba07c9f3'], uuid4: ['57b73598-8764-4ad0-a76a-679bb6640eb1'],
  uuid5: ['987fbc97-4bed-5078-af07-9141ba07c9f3'], isbn: ['0321751043', '978-0321751041'], isbn10: ['0321751043'], isbn13: ['978-0321751041'],
  creditcard: ['4111-1111-1111-1111'], ssn: ['111-11-1111'], hexcolor: ['#FFFFFF', 'fff'], rgbcolor: ['rgb(255,255,255)'], byte: ['YQ=='],
  password: [''], date: ['2024-02-29'], duration: ['1h2m', '22 ns', '3 weeks', 'in 5 minutes or 1 year'], datetime: ['2014-12-15T19:30:20.000Z'], 'date-time': ['2014-12-15T19:30:20Z', '2014-12-15t19:30:20,5+02:00'],
  'k8s-short-name': ['a-b'], 'k8s-long-name': ['a.b-c'],
}; // prettier-ignore
const BAD: Readonly<Record<string, readonly string[]>> = {
  bsonobjectid: ['507'], uri: ['a b', 'relative', '/%a/b', 'http://a#b/c'], email: ['a', '@b', 'a@b.', 'a@.b', 'A:B <a@b.c>', 'A B <a@b.c.>'], hostname: ['-a', 'a b'], ipv4: ['1.2.3', '::1'], ipv6: ['1.2.3.4'], cidr: ['10.0.0.0/33', '10.0.0.0'],
  mac: ['01:23'], uuid: ['a'], uuid3: ['57b73598-8764-4ad0-a76a-679bb6640eb1'], isbn10: ['0321751044'], isbn13: ['978-0321751042'], creditcard: ['4111111111111112'],
  ssn: ['11', '111111111', '111 111111'], hexcolor: ['#ff'], rgbcolor: ['rgb(256,0,0)'], byte: ['a'], date: ['2023-02-29', '2023-1-1'], duration: ['x', '1 year'], datetime: ['2014-12-15T25:30:20Z', '2014-12-15T19:30:20', '2014-12-15 19:30:20Z', '2014-12-15T19:30Z'],
  'k8s-short-name': ['a.b', 'A'], 'k8s-long-name': ['a..b'],
}; // prettier-ignore

test('stringFormat tells good values from bad ones', () => {
  for (const [format, values] of Object.entries(GOOD))
    for (const value of values) assert.equal(stringFormat(format)?.(value), true, `${format} ${value}`);
  for (const [format, values] of Object.entries(BAD))
    for (const value of values) assert.equal(stringFormat(format)?.(value), false, `${format} ${value}`);
  assert.deepEqual(
    [isKnownFormat('integer', 'int32'), isKnownFormat('integer', 'date'), isKnownFormat('boolean', 'date')],
    [true, false, false],
  );
});

/** What takes more than a look at each character takes minutes here. */
for (const format of Object.keys(GOOD))
  test(`stringFormat ${format} takes no long look at a long value`, () => {
    for (const part of ['1', 'a', ' ', '-', '.', ':', '0.']) stringFormat(format)?.(`${part.repeat(1_000_000)}!`);
  });
