import { describe, expect, it } from 'vitest';
import { hashOf } from '../../embed-element/attributes';
import { opening, withChange, withCounterfactual, withFlip, withMode, withTwin, type Doc } from '../../state/document';
import { docOf } from '../../state/link';
import { decode } from '../../state/url';
import { embedOptions, type EmbedOptions } from '../embed/options';
import { elementSnippet, frameSnippet } from './snippets';

const BASE = 'https://host.example/a b/';
const TEXT = 'x = "<b>&amp;\'\n\tf("a&b=c#d';
const DEFAULT: EmbedOptions = { view: 'all', theme: 'auto' };
const LOOK: EmbedOptions = { view: 'bars', theme: 'dark' };
const start = opening('quote', TEXT, null);
const docs: [string, Doc][] = [
  ['a text', start],
  ['a counterfactual, a mode and a node', { ...withMode(withCounterfactual(start, '"'), 'circuit'), node: '0.mlp.post_act.3' }],
  ['a flip and a changed node', withChange(withFlip(start, true), '0.mlp.post_act.3', { kind: 'set', value: 1.25 })],
];

/** The attributes of a tag as a browser reads them. */
function attributesOf(html: string, tag: string): Record<string, string> {
  const inside = new RegExp(`<${tag} ([^>]*)></${tag}>`).exec(html)![1]!;
  const plain = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, plain(value!)]));
}

const docIn = (hash: string) => docOf(decode(hash, { tasks: ['quote'], model: null }), { name: 'quote', presets: [] });

describe.each(docs)('%s', (_, doc) => {
  it('comes back from the element', () => {
    const attributes = attributesOf(elementSnippet(BASE, doc, LOOK), 'sparse-circuit');
    const hash = hashOf((name) => attributes[name] ?? null);
    expect(docIn(hash)).toEqual(doc);
    expect(embedOptions(hash)).toEqual(LOOK);
  });

  it('comes back from the frame', () => {
    const { src, height, title } = attributesOf(frameSnippet(BASE, doc, LOOK, 210, 'A "circuit"'), 'iframe');
    expect([height, title]).toEqual(['210', 'A "circuit"']);
    expect(docIn(new URL(src!).hash)).toEqual(doc);
    expect(embedOptions(new URL(src!).hash)).toEqual(LOOK);
  });
});

it('the twin stays out, and defaults are not written', () => {
  const html = elementSnippet(BASE, withTwin({ ...start, a: 'x' }, true), DEFAULT);
  expect(html).toBe('<script type="module" src="https://host.example/a b/embed.js"></script>\n<sparse-circuit task="quote" a="x"></sparse-circuit>');
});
