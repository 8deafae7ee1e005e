/** The page: its parts in their places, and what their events do. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { isReliable, modelNodes } from '../../domain/circuit';
import type { Change } from '../../domain/edits';
import type { EdgeId, NodeId } from '../../engine/protocol';
import { withChange, withEdge, withFlip, withNode, withToken, type Doc } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Hover, Snapshot } from '../../state/screen';
import * as text from '../../text/en';
import { aboutTask } from '../about/about';
import { claimLine } from '../claim/slot';
import { FileDrop } from '../export/drop';
import { footer } from '../footer/footer';
import { circuit } from '../graph/circuit';
import { hatch } from '../graph/hatch';
import { panels } from '../panels';
import { Announcer } from '../prediction/announce';
import { bars } from '../prediction/bars';
import { flip } from '../prediction/flip';
import { summaryLine } from '../prediction/summary-line';
import { notices } from '../prompt/notices';
import { prompts } from '../prompt/prompts';
import { icons } from '../common/icons';
import { Light } from '../common/light';
import { richText } from '../common/rich-text';
import '../common/term';
import { toggleTheme } from '../common/theme';
import { twinSwitch } from '../twin/slot';
import { presentation, presentSwitch, tourSwitch } from '../lesson/slot';

/** The code of the dialogs. */
const DIALOGS = { share: () => import('../share/share-dialog'), export: () => import('../export/export') };
type Dialog = keyof typeof DIALOGS;

@customElement('sc-page')
export class Page extends Light {
  @property({ attribute: false }) playground!: Playground;
  @state() private notice = '';
  @state() private dialog: Dialog | null = null;
  protected readonly drop = new FileDrop(this, (file) => void this.load(async () => (await import('../export/export')).openRun(file, this.playground)));
  @state() private announced = '';
  private leave: (() => void) | null = null;
  /** Of the update that waits. */
  private frame = 0;
  /** The answer that the page shows. */
  private shown: Snapshot | null = null;
  private readonly announcer = new Announcer((text) => (this.announced = text));

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = this.playground.subscribe(this.changed);
    addEventListener('keydown', this.key);
    addEventListener('hashchange', this.linkChanged);
    addEventListener('pointerdown', this.away);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
    cancelAnimationFrame(this.frame);
    removeEventListener('keydown', this.key);
    removeEventListener('hashchange', this.linkChanged);
    removeEventListener('pointerdown', this.away);
  }

  /** While the user types, most answers come before the next frame. Then the page is drawn once, with the answer. */
  private changed = (): void => {
    cancelAnimationFrame(this.frame);
    const { phase, snapshot } = this.playground.screen;
    const isWaiting = phase === 'busy' && snapshot === this.shown;
    this.shown = snapshot;
    if (isWaiting && document.activeElement instanceof HTMLTextAreaElement) this.frame = requestAnimationFrame(() => this.requestUpdate());
    else this.requestUpdate();
  };

  protected override updated(_changes: PropertyValues<this>): void {
    const { phase, snapshot, doc } = this.playground.screen;
    // A question of the tour tells its answer itself.
    if (phase === 'ready' && !doc.tour?.step) this.announcer.update(snapshot);
  }

  private get doc(): Doc {
    return this.playground.screen.doc;
  }

  /** A press outside closes what hangs over the page. */
  private away = (event: Event): void => {
    const about = this.querySelector<HTMLDetailsElement>('.about[open]');
    if (about && !about.contains(event.target as Node)) about.open = false;
  };

  private linkChanged = (): void => this.playground.linkChanged();

  private key = (event: KeyboardEvent): void => {
    const about = this.querySelector<HTMLDetailsElement>('.about[open]');
    if (event.key === 'Escape' && about) {
      about.open = false;
      about.querySelector('summary')?.focus();
      return;
    }
    // In a text field the browser undoes the typing itself.
    const typing = event.target instanceof HTMLTextAreaElement || (event.target instanceof HTMLInputElement && event.target.type !== 'range');
    if (event.key === 'Escape' && this.doc.node !== null && !this.doc.tour?.present) {
      this.shut(true);
    } else if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !typing) {
      event.preventDefault();
      this.playground.undo();
    }
  };

  /** Closes the panel; by keyboard, the focus goes back to the node in the graph. */
  private shut(byKey: boolean): void {
    const node = this.doc.node;
    const inside = this.querySelector('sc-panel')?.contains(document.activeElement);
    this.playground.change(withNode(this.doc, null), 'select');
    if (inside && byKey) requestAnimationFrame(() => this.querySelector<HTMLElement>(`[data-node="${CSS.escape(node ?? '')}"]`)?.focus());
  }

  protected override render(): TemplateResult {
    return html`<div class="vh" aria-live="polite">${this.announced}</div>${presentation(this.playground) ?? this.page()}`;
  }

  private page(): TemplateResult {
    const { screen } = this.playground;
    const { snapshot, doc } = screen;
    const task = screen.tasks.find((one) => one.name === doc.task);
    const circuitInfo = snapshot && snapshot.task.name === doc.task ? snapshot.task.circuit : null;
    const panel = snapshot !== null && doc.node !== null;
    return html`<div class="page ${panel ? 'with-panel' : ''} ${doc.twin && screen.twin ? 'with-twin' : ''} ${doc.tour ? 'with-tour' : ''}" @point=${this.point} @pick=${this.pick} @shut=${(event: CustomEvent<boolean>) => this.shut(event.detail)}
        @change-node=${this.changeNode} @switch-edge=${this.switchEdge} @pick-token=${this.pickToken}>
      <header>
        <h1>${task?.sentence ?? text.page.subject} <span>${circuitInfo && screen.model ? richText(text.page.circuitOf(circuitInfo.nodes.length, modelNodes(screen.model), isReliable(circuitInfo))) : nothing}</span></h1>
        ${screen.tasks.length > 0
          ? html`<label class="pick"><span>${text.page.task}</span>
              <select data-testid="task-select" @change=${this.openTask}>
                ${screen.tasks.map((one) => html`<option value=${one.name} .selected=${one.name === doc.task}>${one.title}</option>`)}
              </select>
            </label>`
          : nothing}
        ${aboutTask(screen)}
        ${presentSwitch(this.playground)}
        <button class="quiet icon" aria-label=${text.page.theme} title=${text.page.theme} @click=${toggleTheme}>${icons.theme}</button>
      </header>
      <div class="top">
        ${prompts(this.playground)}
        <svg class="fork" viewBox="0 0 56 104" preserveAspectRatio="none" aria-hidden="true"><path d="M0 66C30 66 22 24 56 24M0 66C30 66 22 72 56 72" /></svg>
        ${bars(task?.candidates ?? null, snapshot && snapshot.task.name === doc.task ? snapshot : null)}
        ${flip(screen, () => this.playground.change(withFlip(this.doc, !doc.edits.flip), ''))}
      </div>
      ${notices(screen)}
      <section class="after" aria-label=${text.prediction.what}>
        ${claimLine(screen)}
        <div class="summaryrow">
          ${summaryLine(screen)}
          <div class="open-more">${tourSwitch(this.playground)}${twinSwitch(this.playground)}</div>
        </div>
        ${panels.belowSummary.map((panel) => panel(this.playground))}
      </section>
      <main>
        ${circuit(this.playground)}
        ${panels.besideGraph.map((panel) => panel(this.playground))}
        <sc-term-tip></sc-term-tip>
      </main>
      <sc-update></sc-update>
      ${footer(this.playground, this.notice, {
        undo: () => this.playground.undo(),
        reset: () => this.playground.reset(),
        share: () => this.open('share'),
        export: () => this.open('export'),
        use: (backend) => void this.playground.useBackend(backend),
      })}
      ${this.dialog === 'share' ? html`<sc-share .doc=${doc} .snapshot=${snapshot} @closed=${this.closed} @picture=${this.picture}></sc-share>` : nothing}
      ${this.dialog === 'export' ? html`<sc-export .playground=${this.playground} @closed=${this.closed}></sc-export>` : nothing}
      ${hatch}
    </div>`;
  }

  private openTask = (event: Event): void => this.playground.openTask((event.target as HTMLSelectElement).value);

  private point = (event: CustomEvent<Hover | null>): void => this.playground.hover(event.detail);

  private pick = (event: CustomEvent<NodeId>): void => {
    this.playground.change(withNode(this.doc, event.detail), 'select');
    // On a phone the sheet must not cover the node it speaks of.
    const spot = innerWidth <= 760 ? this.querySelector(`[data-testid=graph] [data-node="${CSS.escape(event.detail)}"]`)?.getBoundingClientRect() : null;
    if (spot && spot.bottom > innerHeight - 200) scrollBy({ top: spot.bottom - innerHeight / 2 + 60, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  };

  private pickToken = (event: CustomEvent<number | null>): void => this.playground.change(withToken(this.doc, event.detail), 'select');

  private changeNode = (event: CustomEvent<{ node: NodeId; change: Change | null; kind: string }>): void => {
    const { node, change, kind } = event.detail;
    this.playground.change(withChange(this.doc, node, change), kind === 'slider' ? `slider:${node}` : '');
  };

  private switchEdge = (event: CustomEvent<{ edge: EdgeId; off: boolean }>): void =>
    this.playground.change(withEdge(this.doc, event.detail.edge, event.detail.off), '');

  private open = (dialog: Dialog): Promise<void> => this.load(async () => {
    await DIALOGS[dialog]();
    this.dialog = dialog;
  });

  /** Share leads to Export. When that closes, the focus goes to its button. */
  private picture = async (): Promise<void> => {
    this.dialog = null;
    await this.updateComplete;
    this.querySelector<HTMLElement>('[data-testid=export]')?.focus();
    await this.open('export');
  };

  private closed = (): void => void (this.dialog = null);

  /** Does what needs code that is loaded now. */
  private async load(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch {
      // Without network. The address bar holds the link.
      this.notice = text.footer.notOpened;
      setTimeout(() => (this.notice = ''), 4000);
    }
  }
}
