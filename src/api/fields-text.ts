// The JSON text of sets of fields in managedFields. Objects of one template share such a set, and it is often larger than the
// rest of the object: the text of each is made once.

const texts = new WeakMap<object, string>();

/** @param fields never changed afterwards */
export function fieldsText(fields: object): string {
  let text = texts.get(fields);
  if (text === undefined) texts.set(fields, (text = JSON.stringify(fields)));
  return text;
}
