/** The HTML that puts what is on the screen into another page. */
import { noEdits } from '../../domain/edits';
import { opening, sameDoc, type Doc } from '../../state/document';
import { encode } from '../../state/url';
import type { EmbedOptions } from '../embed/options';

/** What an embed shows of a document: no list, no dense twin and no tour. */
export function embedded(doc: Doc): Doc {
  return { ...doc, list: false, twin: null, tour: null };
}

/** The script, and the element. `base` is the address of the published folder, with a slash at its end. */
export function elementSnippet(base: string, doc: Doc, look: EmbedOptions): string {
  const shown = embedded(doc);
  const { task, a, b, node, edits } = shown;
  // Attributes are easier to read than a hash, but do not hold everything.
  const plain = sameDoc(shown, { ...opening(task, a, node), b, edits: noEdits(edits.mode) });
  const state = plain
    ? { task, a, ...(b === null ? {} : { b }), ...(edits.mode === 'full' ? {} : { mode: edits.mode }), ...(node === null ? {} : { node }) }
    : { state: encode(shown).slice(1) };
  return `<script type="module" src="${escape(`${base}embed.js`)}"></script>\n<sparse-circuit ${attributes({ ...state, ...chosen(look) })}></sparse-circuit>`;
}

/** The address of the frame. */
export function frameAddress(base: string, doc: Doc, look: EmbedOptions): string {
  const fields = Object.entries(chosen(look)).map(([key, value]) => `${key}=${value}&`);
  return `${base}embed.html#${fields.join('')}${encode(embedded(doc)).slice(1)}`;
}

/** `height` of the frame in CSS pixels. */
export function frameSnippet(base: string, doc: Doc, look: EmbedOptions, height: number, title: string): string {
  return `<iframe ${attributes({ src: frameAddress(base, doc, look), title, width: '100%', height: String(height), style: 'border: 0', loading: 'lazy' })}></iframe>`;
}

/** What is not the default. */
function chosen({ view, theme }: EmbedOptions): Partial<EmbedOptions> {
  return { ...(view === 'all' ? {} : { view }), ...(theme === 'auto' ? {} : { theme }) };
}

function attributes(of: Record<string, string>): string {
  return Object.entries(of).map(([name, value]) => `${name}="${escape(value)}"`).join(' ');
}

function escape(text: string): string {
  return text.replace(/[&<>"\n\r\t]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? `&#${char.charCodeAt(0)};`);
}
