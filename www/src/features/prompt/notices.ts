/** What is odd about the link or the prompts, and why the page cannot continue. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import * as text from '../../text/en';
import { notes } from './notes';

export function notices(screen: Screen): TemplateResult | typeof nothing {
  const { failure } = screen;
  const list = [...screen.notices, ...(screen.snapshot && screen.phase === 'ready' ? notes(screen.snapshot, screen.model) : [])];
  if (failure === null && list.length === 0) return nothing;
  return html`<div class="notice ${failure === null ? '' : 'fatal'}" data-testid="error" role=${failure === null ? 'status' : 'alert'}>
    ${failure === null ? nothing : html`<p data-notice="failure">${failure}</p>`}
    ${list.map((notice) => html`<p data-notice=${notice.kind}>${text.notice(notice)}</p>`)}
    ${failure === null ? nothing : html`<button class="quiet" @click=${() => location.reload()}>${text.page.reload}</button>`}
  </div>`;
}
