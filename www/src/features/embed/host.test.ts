import { expect, it } from 'vitest';
import type { EmbedMessage } from '../../domain/embed-messages';
import { opening, withFlip, type Doc } from '../../state/document';
import type { Screen } from '../../state/screen';
import { Host } from './host';

function screen(phase: Screen['phase'], doc: Doc, p: [number, number], more: Partial<Screen> = {}): Screen {
  const snapshot = { doc, task: { candidates: ["')", '")'] }, result: { edits: doc.edits, view: { p } } };
  return { phase, snapshot, placeholder: false, failure: null, ...more } as unknown as Screen;
}

function setUp() {
  const sent: EmbedMessage[] = [];
  return { sent, host: new Host((message) => sent.push(message)) };
}
const start = opening('quote', 'print(\'hi', null);

it('tells the height in whole pixels', () => {
  const { sent, host } = setUp();
  host.height(365.2);
  expect(sent).toEqual([{ source: 'sparse-circuit', type: 'height', height: 366 }]);
});

it('is ready once, and tells each new answer once', () => {
  const { sent, host } = setUp();
  host.update(screen('ready', start, [0.9, 0.1], { placeholder: true }));
  host.update(screen('busy', start, [0.9, 0.1]));
  expect(sent).toEqual([]);
  for (const _ of [1, 2]) host.update(screen('ready', start, [0.9, 0.1]));
  host.update(screen('ready', withFlip(start, true), [0.2, 0.8]));
  expect(sent.map(({ type }) => type)).toEqual(['ready', 'change', 'change']);
  expect(sent[2]).toEqual({
    source: 'sparse-circuit', type: 'change', candidates: ["')", '")'], p: [0.2, 0.8], mode: 'full', flip: true,
    state: '#v=1&task=quote&a=print%28%27hi&mode=full&flip=1&node=',
  });
});

it('tells why the circuit cannot run', () => {
  const { sent, host } = setUp();
  for (const _ of [1, 2]) host.update(screen('error', start, [0, 0], { failure: 'No model.' }));
  expect(sent).toEqual([{ source: 'sparse-circuit', type: 'failed', message: 'No model.' }]);
});
