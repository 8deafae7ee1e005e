/** Present mode, for a projector: one question, the bars and the graph fill the screen. Every step has a key. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { NodeId } from '../../engine/protocol';
import { QUESTIONS, withFlip, withNode, withTour, type Choice } from '../../state/document';
import type { Hover } from '../../state/screen';
import { page as pageText } from '../../text/en';
import { present as text, tour as tourText } from '../../text/en/lesson';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';
import { status } from '../footer/status';
import '../graph/graph';
import { hatch } from '../graph/hatch';
import { bars } from '../prediction/bars';
import { summary } from '../prediction/summary';
import { notices } from '../prompt/notices';
import './present.css';
import { offNode } from './prompts';
import { askedOf, outcome, answeredOf } from './steps';
import { answer, CHOICES } from './tour';
import { LessonView, type Place } from './view';

/** Pixels of the drawing at its normal size. The screen is filled with a multiple of it. */
const WIDTH = 1085;
const HEIGHT = 610;
/** Pixels that the answers and the margins take next to the drawing, and those that the drawing needs. */
const SIDE = 314;
const DRAWING = 760;
/** How much one press of + or − changes, and the smallest and largest factor. */
const STEP = 1.1;
const SIZES = [0.62, 1.8] as const;

@customElement('sc-present')
export class Present extends LessonView {
  /** The text size that the user chose, as a factor. The drawing keeps its size where there is room. */
  @state() private size = 1;
  @state() private fit = 1;
  /** What the class expects, before the answer is shown. */
  @state() private chosen: Choice | null = null;
  private step = -1;
  /** The questions whose answer was shown. */
  private readonly seen = new Set<number>();
  private readonly leaving = new AbortController();

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.leaving;
    this.measure();
    addEventListener('resize', this.measure, { signal });
    addEventListener('keydown', this.key, { signal });
    // The browser's own key and button leave too.
    document.addEventListener('fullscreenchange', () => document.fullscreenElement === null && this.close(), { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leaving.abort();
  }

  protected override willUpdate(): void {
    const step = this.place?.tour.step ?? -1;
    if (step !== this.step) this.chosen = null;
    if (this.place?.scene && this.place.stage === 'answered') this.seen.add(step);
  }

  protected override updated(_changes: PropertyValues<this>): void {
    const step = this.place?.tour.step ?? -1;
    if (step === this.step || step < 0) return;
    this.step = step;
    // A screen reader reads the new question.
    this.querySelector<HTMLElement>('h1')?.focus();
  }

  private measure = (): void => {
    this.fit = Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
  };

  protected override render(): TemplateResult {
    const { screen } = this.playground;
    const { place } = this;
    const zoom = String(Math.max(0.5, this.fit * this.size));
    const stage = place?.stage ?? 'waiting';
    return html`<div class="big" data-testid="presentation" data-step=${place?.tour.step ?? nothing} data-stage=${stage} ${styles({ '--zoom': zoom, '--graph': String(drawingScale(this.size)) })}
        @point=${this.point} @pick=${this.pick}>
      ${place ? this.content(place) : nothing}
      ${notices(screen)}
      <footer>
        ${place?.scene && (stage === 'asked' || stage === 'changed') ? control('show', [text.space], text.keys.show, () => this.reveal()) : nothing}
        <span class="keyb">${keyButton('previous', '←', tourText.back, () => this.move(-1))}${keyButton('tour-next', '→', tourText.next, () => this.move(1))}<span>${text.keys.step}</span></span>
        ${control('flip', ['F'], text.keys.flip, () => this.flip(), screen.doc.edits.flip)}
        <span class="keyb">${keyButton('larger', '+', text.larger, () => this.resize(STEP))}${keyButton('smaller', '−', text.smaller, () => this.resize(1 / STEP))}<span>${text.keys.size}</span></span>
        ${control('leave', [text.escape], text.keys.leave, () => this.close())}
        <span class="grow"></span>
        <span class=${screen.phase === 'ready' ? 'vh' : ''}>${status(screen)}</span>
        <ol class="dots" aria-hidden="true">${Array.from({ length: QUESTIONS }, (_, index) => html`<li class="${this.seen.has(index + 1) ? 'done' : ''} ${index + 1 === place?.tour.step ? 'now' : ''}"></li>`)}</ol>
      </footer>
      <sc-term-tip></sc-term-tip>
      ${hatch}
    </div>`;
  }

  private content(place: Place): TemplateResult {
    const { tour, snapshot, model, scene, stage } = place;
    const { screen } = this.playground;
    const { task } = snapshot;
    const asked = askedOf(snapshot, model);
    // The bars of the text before would answer another question.
    const blank = stage === 'asked' && scene?.text != null;
    const title = scene ? tourText.title(scene.question, asked) : tour.step === 0 ? task.sentence : tourText.endTitle;
    return html`<header class=${blank ? 'blank' : ''}>
        <div class="ask">
          <p class="place">${scene ? html`${tourText.place(tour.step, QUESTIONS)} · ` : nothing}${task.title}</p>
          <h1 tabindex="-1" aria-describedby="present-asks">${title}</h1>
          <p id="present-asks">${scene ? richText(tourText.asks(scene.question, asked)) : nothing}</p>
          ${blank || tour.step > QUESTIONS ? nothing : prompt(place)}
        </div>
        ${bars(task.candidates, blank ? null : snapshot)}
      </header>
      <main class=${blank ? 'blank' : ''}>
        ${blank
          ? html`<pre class="text" translate="no">${scene.text}</pre>`
          : html`<section class="gw" translate="no" data-testid="graph" aria-label=${pageText.circuit}><sc-graph .snapshot=${screen.painted} .hover=${screen.hover} .selected=${scene?.question === 'off' ? offNode(task) : screen.doc.node} .whole=${screen.doc.all}></sc-graph></section>`}
        <aside>
          ${scene && stage === 'asked' ? this.choices(place) : nothing}
          <div role="status" class="told" data-testid="tour-answer" data-outcome=${stage === 'answered' ? outcome(answeredOf(snapshot, model)) : nothing}>
            ${stage === 'answered' ? answer(place) : stage === 'changed' ? html`<p>${tourText.changed}</p>` : nothing}
            ${tour.step === 0 ? html`<p>${richText(summary(snapshot, model.headWidth).text)}</p><p class="mut">${text.free}</p>` : nothing}
            ${tour.step > QUESTIONS ? html`<ul>${[...tourText.end(asked), [text.own]].map((line) => html`<li>${richText(line)}</li>`)}</ul>` : nothing}
          </div>
        </aside>
      </main>`;
  }

  private choices({ snapshot }: Place): TemplateResult {
    return html`<p id="present-decide">${text.decide}</p>
      <div class="choices" role="group" aria-labelledby="present-decide">${CHOICES.map((choice) => html`<button data-testid="tour-choice" data-choice=${choice} aria-pressed=${this.chosen === choice} @click=${() => this.choose(choice)}>
        <kbd aria-hidden="true">${choice + 1}</kbd><span>${richText(tourText.choices(snapshot.task.candidates)[choice]!)}</span></button>`)}</div>`;
  }

  private choose(choice: Choice): void {
    if (this.place?.scene && this.place.stage === 'asked') this.chosen = choice;
  }

  private reveal(): void {
    if (this.place?.stage === 'asked' || this.place?.stage === 'changed') this.show(this.chosen);
  }

  private move(by: number): void {
    const { place } = this;
    if (place) this.go(place.tour.step + by);
  }

  /** Flip is the answer of the question about Flip. */
  private flip(): void {
    const { doc } = this.playground.screen;
    if (this.place?.scene?.question === 'flip' && this.place.stage === 'asked') this.reveal();
    else this.playground.change(withFlip(doc, !doc.edits.flip), '');
  }

  private resize(by: number): void {
    this.size = Math.max(SIZES[0], Math.min(SIZES[1], this.size * by));
  }

  /** Back to the page. A question stays open there. */
  private close(): void {
    const { doc } = this.playground.screen;
    if (!doc.tour?.present) return;
    const inside = doc.tour.step > 0 && doc.tour.step <= QUESTIONS;
    this.playground.change(withTour(doc, inside ? { ...doc.tour, present: false } : null), 'select');
    if (document.fullscreenElement) void document.exitFullscreen();
    requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-testid=present]')?.focus());
  }

  private key = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const act: Record<string, () => void> = {
      1: () => this.choose(0), 2: () => this.choose(1), 3: () => this.choose(2),
      ' ': () => this.reveal(),
      ArrowRight: () => this.move(1), PageDown: () => this.move(1), ArrowLeft: () => this.move(-1), PageUp: () => this.move(-1),
      f: () => this.flip(), '+': () => this.resize(STEP), '=': () => this.resize(STEP), '-': () => this.resize(1 / STEP),
      escape: () => this.close(),
    };
    const known = act[event.key] ?? act[event.key.toLowerCase()];
    if (!known) return;
    event.preventDefault();
    known();
  };

  private point = (event: CustomEvent<Hover | null>): void => this.playground.hover(event.detail);

  private pick = (event: CustomEvent<NodeId>): void => {
    const { doc } = this.playground.screen;
    this.playground.change(withNode(doc, doc.node === event.detail ? null : event.detail), 'select');
  };
}

/** The scale of the drawing at a text size, relative to the text. It leaves room for the answers next to it. */
function drawingScale(size: number): number {
  return Math.min(1 / size, (WIDTH / size - SIDE) / DRAWING);
}

/** The text with its tokens; the marked one is where the two prompts differ. */
function prompt({ snapshot }: Place): TemplateResult {
  const { a, view } = snapshot.result;
  return html`<pre class="prompt ${a.text.split('\n').length > 3 ? 'long' : ''}" translate="no" data-testid="present-prompt">${a.tokens.map((token, index) => html`<span class=${index === view.marked ? 'tk sel' : 'tk'}>${token.text}</span>`)}</pre>`;
}

function control(name: string, keys: string[], label: string, act: () => void, pressed?: boolean): TemplateResult {
  return html`<button class="keyb" data-testid="${name}" aria-pressed=${pressed ?? nothing} @click=${act}>${keys.map((key) => html`<kbd aria-hidden="true">${key}</kbd>`)}<span>${label}</span></button>`;
}

function keyButton(name: string, key: string, label: string, act: () => void): TemplateResult {
  return html`<button class="key" data-testid=${name} aria-label=${label} title=${label} @click=${act}><kbd aria-hidden="true">${key}</kbd></button>`;
}
