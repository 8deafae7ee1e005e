/** The tour: six questions. The user answers before the page shows what happens. It covers nothing and can be left at any time. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { QUESTIONS, withTour, type Choice } from '../../state/document';
import type { Playground } from '../../state/playground';
import { tour as text } from '../../text/en/lesson';
import { icons } from '../common/icons';
import { richText } from '../common/rich-text';
import { answeredOf, askedOf, outcome } from './steps';
import './tour.css';
import { goTo, LessonView, type Place, type Stage } from './view';

export const CHOICES: readonly Choice[] = [0, 1, 2];

/** Whether the tour that appears next takes the focus: the user has opened it. A link does not. */
let opened = false;

/** Begins with the first question, and moves the focus to it. */
export function openTour(playground: Playground): void {
  opened = true;
  goTo(playground, 1, false);
}

@customElement('sc-tour')
export class Tour extends LessonView {
  /** What gets the focus after the next update, so that a screen reader reads it. */
  private wanted: 'title' | 'next' | null = null;
  private stage: Stage | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    if (opened) this.wanted = 'title';
    opened = false;
  }

  protected override updated(_changes: PropertyValues<this>): void {
    const { wanted } = this;
    const stage = this.place?.stage ?? null;
    // The answer moves the buttons down, on a phone below the edge.
    if (stage === 'answered' && this.stage !== stage && this.contains(document.activeElement)) this.querySelector('[data-testid=tour-next]')?.scrollIntoView({ block: 'nearest' });
    this.stage = stage;
    if (wanted === null || this.place === null) return;
    this.wanted = null;
    this.querySelector<HTMLElement>(wanted === 'title' ? '#tour-title' : '[data-testid=tour-next]')?.focus();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { place } = this;
    if (!place) return nothing;
    const { tour, stage, scene } = place;
    return html`<section class="card tour" data-testid="tour-card" data-step=${tour.step} data-stage=${stage} aria-label=${text.name} @keydown=${this.key}>
      <button class="quiet icon" data-testid="tour-leave" aria-label=${text.leave} title=${text.leave} @click=${() => this.close()}>${icons.close}</button>
      ${scene ? this.question(place) : this.end(place)}
    </section>`;
  }

  private question(place: Place): TemplateResult {
    const { tour, snapshot, model, scene, stage } = place;
    const { question, text: newText } = scene!;
    const asked = askedOf(snapshot, model);
    return html`<div class="tq">
        <p class="tplace">${text.place(tour.step, QUESTIONS)}</p>
        <h2 id="tour-title" tabindex="-1" aria-describedby="tour-asks">${text.title(question, asked)}</h2>
        <div id="tour-asks"><p>${richText(text.asks(question, asked))}</p>
          ${newText === null ? nothing : html`<pre translate="no" tabindex="0" aria-label=${text.newText}>${newText}</pre>`}</div>
      </div>
      <div class="ta">
        ${stage === 'asked'
          ? html`<p class="decide" id="tour-decide">${text.decide}</p>
              <div class="choices" role="group" aria-labelledby="tour-decide">
                ${CHOICES.map((choice) => html`<button class="choice" data-testid="tour-choice" data-choice=${choice} @click=${() => this.answer(choice)}>${richText(text.choices(snapshot.task.candidates)[choice]!)}</button>`)}
              </div>`
          : nothing}
        <div role="status" class="told" data-testid="tour-answer" data-outcome=${stage === 'answered' ? outcome(answeredOf(snapshot, model)) : nothing}>
          ${stage === 'answered' ? answer(place) : stage === 'changed' ? text.changed : stage === 'waiting' ? text.waiting : nothing}
        </div>
        <div class="tnav">
          ${tour.step > 1 ? html`<button class="twinb" data-testid="tour-back" @click=${() => this.step(tour.step - 1)}>${text.back}</button>` : nothing}
          ${stage === 'changed'
            ? html`<button class="twinb" data-testid="tour-next" @click=${() => this.step(tour.step)}>${text.again}</button>`
            : stage === 'asked'
              ? html`<button class="twinb" data-testid="tour-next" @click=${once(() => this.answer(null))}>${text.show}</button>`
              : html`<button class="twinb go" data-testid="tour-next" @click=${once(() => this.step(tour.step + 1))}>${tour.step === QUESTIONS ? text.toEnd : text.next}</button>`}
        </div>
      </div>`;
  }

  private end({ snapshot, model }: Place): TemplateResult {
    return html`<div class="tq tend">
        <h2 id="tour-title" tabindex="-1" aria-describedby="tour-end">${text.endTitle}</h2>
        <ul id="tour-end">${[...text.end(askedOf(snapshot, model)), [text.own]].map((line) => html`<li>${richText(line)}</li>`)}</ul>
      </div>
      <div class="ta"><div class="tnav">
        <button class="twinb" data-testid="tour-back" @click=${() => this.step(QUESTIONS)}>${text.back}</button>
        ${/* No other page is next to the one file. */ __ONE_FILE__ ? nothing : html`<a class="teacher" href="./teach.html">${text.teacher}</a>`}
        <button class="twinb go" data-testid="tour-next" @click=${once(() => this.close())}>${text.finish}</button>
      </div></div>`;
  }

  private answer(choice: Choice | null): void {
    this.wanted = 'next';
    this.show(choice);
  }

  private step(step: number): void {
    this.wanted = 'title';
    this.go(step);
    this.requestUpdate();
  }

  private close(): void {
    this.playground.change(withTour(this.playground.screen.doc, null), 'select');
    requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-testid=tour]')?.focus());
  }

  private key = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.close();
  };
}

/** Acts on the first press only. The second one of a double press meets another button at the same place. */
function once(act: () => void): (event: MouseEvent) => void {
  return ({ detail }) => {
    if (detail < 2) act();
  };
}

/** What happens, what it means, and what the user expected. */
export function answer({ snapshot, model, scene, tour }: Place): TemplateResult {
  const answered = answeredOf(snapshot, model);
  const { choice } = tour;
  const said = choice === null ? [] : choice === outcome(answered) ? [text.said] : text.saidOther(text.choices(snapshot.task.candidates)[choice]!);
  return html`<p class="happens">${richText(text.happens(answered))} ${choice === null ? nothing : html`<span class="said">${richText(said)}</span>`}</p>
    <p>${richText(text.means(scene!.question, answered))}</p>`;
}
