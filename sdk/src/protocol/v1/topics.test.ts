import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topicsOf } from './topics.ts';

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

test('every topic that is built is read back', () => {
  fc.assert(
    fc.property(id, id, id, (namespace, gateway, device) => {
      const topics = topicsOf(namespace);
      expect(topics.parse(topics.request(gateway, device))).toEqual({ kind: 'request', gateway, device });
      expect(topics.parse(topics.reply(device))).toEqual({ kind: 'reply', device });
      expect(topics.parse(topics.status(gateway))).toEqual({ kind: 'status', gateway });
      expect(topics.parse(topics.hello(device))).toEqual({ kind: 'hello', device });
    }),
  );
});

test.each(['', 'a.b', 'a/b', '+', '#', '$SYS', 'a b', 'ä', 'x'.repeat(65)])('%j is no id', (bad) => {
  const topics = topicsOf('cutpoint');
  const invalid = expect.objectContaining({ code: 'options-invalid' });
  expect(() => topics.reply(bad)).toThrow(invalid);
  expect(() => topics.request('gw', bad)).toThrow(invalid);
  expect(() => topicsOf(bad)).toThrow(invalid);
  expect(topics.parse(`cutpoint/gw/gw/req/${bad}`)).toBeUndefined();
});

test.each([
  'other/dev/a/rep',
  'ns/dev/a/rep/b',
  'ns/dev/a',
  'ns/gw/a/req',
  'ns/gw/a/st/b',
  'ns/hello',
  'ns/x/a/rep',
])('%s is none of our topics', (topic) => expect(topicsOf('ns').parse(topic)).toBeUndefined());
