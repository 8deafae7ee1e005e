/** The small page for an iframe: prompt, bars, Flip, sentence and graph, and a link to the full page. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { modelNodes } from '../../domain/circuit';
import type { NodeId } from '../../engine/protocol';
import { withFlip, withNode } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Hover } from '../../state/screen';
import { encode } from '../../state/url';
import { embed as text, page as pageText, prediction } from '../../text/en';
import { claimLine } from '../claim/slot';
import { Light } from '../common/light';
import '../common/term';
import { status } from '../footer/status';
import '../graph/graph';
import { hatch } from '../graph/hatch';
import { Announcer } from '../prediction/announce';
import { bars } from '../prediction/bars';
import { flip } from '../prediction/flip';
import { summaryLine } from '../prediction/summary-line';
import { notices } from '../prompt/notices';
import { prompts } from '../prompt/prompts';
import type { EmbedView } from './options';

@customElement('sc-embed')
export class Embed extends Light {
  @property({ attribute: false }) playground!: Playground;
  @property() view: EmbedView = 'all';
  /** Called with the height of the content in CSS pixels. */
  @property({ attribute: false }) onHeight: (pixels: number) => void = () => {};
  @state() private announced = '';
  private leave: (() => void) | null = null;
  private readonly announcer = new Announcer((text) => (this.announced = text));
  private readonly observer = new ResizeObserver(() => this.onHeight(this.getBoundingClientRect().height));

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = this.playground.subscribe(() => this.requestUpdate());
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
    this.observer.disconnect();
  }

  protected override updated(_changes: PropertyValues<this>): void {
    const { phase, snapshot } = this.playground.screen;
    if (phase === 'ready') this.announcer.update(snapshot);
  }

  protected override render(): TemplateResult {
    const { screen } = this.playground;
    const { doc, painted, model } = screen;
    const task = screen.tasks.find((one) => one.name === doc.task);
    const snapshot = screen.snapshot?.task.name === doc.task ? screen.snapshot : null;
    return html`<main class="card embed ${this.view}" @point=${this.point} @pick=${this.pick}>
      ${this.view === 'graph'
        ? nothing
        : html`<div class="ask">${prompts(this.playground, true)}${flip(screen, this.flip)}</div>
          <section class="told" aria-label=${prediction.what}>${bars(task?.candidates ?? null, snapshot)}${summaryLine(screen)}</section>`}
      ${notices(screen)}
      ${claimLine(screen)}
      ${this.view === 'bars'
        ? nothing
        : html`<section class="gw" translate="no" data-testid="graph" aria-label=${pageText.circuit}><sc-graph .snapshot=${painted} .hover=${screen.hover} .selected=${doc.node} .whole=${doc.all}></sc-graph></section>`}
      <footer>
        <h1>${task?.sentence ?? pageText.subject}</h1>
        ${snapshot && model ? html`<span class="mut">${text.nodes(snapshot.task.circuit.nodes.length, modelNodes(model))}</span>` : nothing}
        ${status(screen)}
        <span class="grow"></span>
        <a class="full-page" data-testid="open-full" href="./${encode(doc)}" target="_blank" rel="noopener">${text.open}</a>
      </footer>
      <sc-term-tip></sc-term-tip>
      <div class="vh" aria-live="polite">${this.announced}</div>
      ${hatch}
    </main>`;
  }

  private flip = (): void => {
    const { doc } = this.playground.screen;
    this.playground.change(withFlip(doc, !doc.edits.flip), '');
  };

  private point = (event: CustomEvent<Hover | null>): void => this.playground.hover(event.detail);

  /** A second click takes the mark away. The full page opens with the panel of the marked node. */
  private pick = (event: CustomEvent<NodeId>): void => {
    const { doc } = this.playground.screen;
    this.playground.change(withNode(doc, doc.node === event.detail ? null : event.detail), 'select');
  };
}
