/** The sentence under the bars as it is on the screen, with its facts for tests. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { summary as text } from '../../text/en';
import { richText } from '../common/rich-text';
import { summary } from './summary';

export function summaryLine({ snapshot, model }: Screen): TemplateResult {
  const sentence = snapshot && summary(snapshot, model?.headWidth ?? 0);
  return html`<p class="summary" data-testid="summary" data-kind=${sentence?.kind ?? 'loading'} data-mode=${sentence?.answer.mode ?? nothing}
    data-winner=${sentence?.answer.winner ?? nothing} data-wrong=${sentence?.answer.wrong ?? nothing} data-right=${sentence?.answer.right ?? nothing}
    data-full-winner=${sentence?.answer.fullWinner ?? nothing}>${sentence ? richText(sentence.text) : text.loading}${
      sentence && sentence.more.length > 0 ? html`<small data-testid="more">${richText(sentence.more)}</small>` : nothing}</p>`;
}
