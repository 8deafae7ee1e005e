/** The prompts: prompt A, prompt B, and the examples of the task. */
import { html, nothing, type TemplateResult } from 'lit';
import { withCounterfactual, withText } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { prompts as text } from '../../text/en';
import { exampleNames } from '../../text/names';
import { richText } from '../common/rich-text';
import { term } from '../common/term';
import './editor';

/** Both prompts, as text that can be edited. `embedded`: prompt A only, and it does not take the focus from the page around. */
export function prompts(playground: Playground, embedded = false): TemplateResult {
  const { screen } = playground;
  const { painted, doc } = screen;
  const fresh = painted && painted.doc.a === doc.a && painted.doc.task === doc.task ? painted.result : null;
  // Until new tokens arrive, the editors keep the old ones as far as they fit.
  const last = painted && painted.doc.task === doc.task ? painted.result : null;
  const b = doc.b ?? fresh?.b?.text ?? lastB(screen);
  const at = fresh ?? last;
  const marked = at ? (doc.token ?? at.view.marked) : -1;
  const partner = at?.b ? at.b.tokens.length - (at.a.tokens.length - marked) : -1;
  return html`<section class="edit" aria-label=${text.label}>
    <div class="lbl">${text.a} <span>${fresh ? html`${fresh.a.tokens.length} ${richText([text.tokensOf(fresh.a.tokens.length)])}` : nothing}</span>${examples(playground)}</div>
    <sc-editor .name=${'prompt-a'} .label=${text.a} .text=${doc.a} .prompt=${(fresh ?? last)?.a ?? null} .marked=${marked} .focused=${!embedded}
      @edit=${(event: CustomEvent<string>) => playground.change(withText(playground.screen.doc, event.detail), 'type-a')}></sc-editor>
    ${embedded ? nothing : html`<div class="second">
      <span class="lbl2">${term('counterfactual', text.b)}</span>
      <sc-editor .name=${'prompt-b'} .line=${true} .placeholder=${text.bNone} .label=${text.bLabel} .text=${b} .prompt=${(fresh ?? last)?.b ?? null} .marked=${partner}
        @edit=${(event: CustomEvent<string>) => playground.change(withCounterfactual(playground.screen.doc, event.detail), 'type-b')}></sc-editor>
      ${doc.b === null
        ? nothing
        : html`<button class="quiet small" data-testid="restore-b" aria-label=${text.restoreHint} @click=${() => playground.change(withCounterfactual(playground.screen.doc, null), '')} title=${text.restoreHint}>${text.restore}</button>`}
    </div>`}
  </section>`;
}

/** The task's presets, one click away. */
function examples(playground: Playground): TemplateResult | typeof nothing {
  const { screen } = playground;
  const presets = screen.tasks.find((one) => one.name === screen.doc.task)?.presets ?? [];
  if (presets.length < 2) return nothing;
  const names = exampleNames(presets.map((preset) => preset.a.text));
  const pick = (event: Event) => {
    const select = event.target as HTMLSelectElement;
    const preset = presets[Number(select.value)];
    select.value = '-1';
    if (preset) playground.change(withCounterfactual(withText(playground.screen.doc, preset.a.text), null), '', true);
  };
  return html`<select class="examples" aria-label=${text.examples} .value=${'-1'} @change=${pick}>
    <option value="-1">${text.examples}</option>
    ${names.map((name, index) => html`<option value=${index}>${presets[index]!.fails ? text.fails(name) : name}</option>`)}
  </select>`;
}

/** While a new text is on its way, prompt B shows what it was. */
function lastB(screen: Screen): string {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  if (screen.phase === 'busy' || screen.phase === 'error') return screen.painted?.result.b?.text ?? '';
  return screen.phase === 'loading' && task?.presets[0]?.a.text === screen.doc.a ? task.presets[0].b.text : '';
}
