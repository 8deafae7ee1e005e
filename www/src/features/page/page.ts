/** The playground: every part of the screen, and what their events do. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Playground } from '../../state/playground';
import type { Change } from '../../domain/edits';
import { withChange, withCounterfactual, withFlip, withMode, withNode, withText, withToken, withTwin, type Doc } from '../../state/document';
import { encode } from '../../state/url';
import type { Hover, Screen } from '../../state/screen';
import * as text from '../../text/en';
import { exampleNames } from '../../text/names';
import { notes } from '../prompt/notes';
import { summary } from '../prediction/summary';
import type { NodeId } from '../../engine/protocol';
import { aboutTask } from '../about/about';
import { Announcer } from '../prediction/announce';
import { bars } from '../prediction/bars';
import '../prompt/editor';
import { flip } from '../prediction/flip';
import { footer } from '../footer/footer';
import '../graph/graph';
import { icons } from '../shared/icons';
import { legend } from '../graph/legend';
import { Light } from '../shared/light';
import { modes, viewSwitch } from '../graph/modes';
import '../graph/node-list';
import '../node-panel/node-panel';
import { richText } from '../shared/rich-text';
import { toggleTheme } from '../shared/theme';

@customElement('sc-page')
export class Page extends Light {
  @property({ attribute: false }) playground!: Playground;
  @state() private copied = '';
  @state() private announced = '';
  /** Whether the dense twin's panel has come, or why it could not be loaded. */
  @state() private twin: 'absent' | 'loading' | 'here' | { lost: string } = 'absent';
  /** The task whose inactive nodes are drawn, too. */
  @state() private whole: string | null = null;
  private leave: (() => void) | null = null;
  private readonly announcer = new Announcer((text) => (this.announced = text));

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = this.playground.subscribe(() => this.requestUpdate());
    addEventListener('keydown', this.key);
    addEventListener('hashchange', this.linkChanged);
    addEventListener('pointerdown', this.away);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
    removeEventListener('keydown', this.key);
    removeEventListener('hashchange', this.linkChanged);
    removeEventListener('pointerdown', this.away);
  }

  protected override updated(_changes: PropertyValues<this>): void {
    const { phase, snapshot } = this.playground.screen;
    if (phase === 'ready') this.announcer.update(snapshot);
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
    const typing = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
    if (event.key === 'Escape' && this.doc.node !== null) {
      this.shut(true);
    } else if (event.key === 'z' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !typing) {
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
    const { screen } = this.playground;
    const { snapshot, previous, painted, doc } = screen;
    const task = screen.tasks.find((one) => one.name === doc.task);
    const parts = snapshot && snapshot.task.name === doc.task ? snapshot.task.circuit.nodes.length : null;
    const panel = snapshot !== null && doc.node !== null;
    const sentence = snapshot && summary(snapshot, previous, screen.model?.headWidth ?? 0);
    return html`<div class="page ${panel ? 'with-panel' : ''} ${doc.twin && screen.twin ? 'with-twin' : ''}" @point=${this.point} @pick=${this.pick} @shut=${(event: CustomEvent<boolean>) => this.shut(event.detail)}
        @change-node=${this.changeNode} @pick-token=${this.pickToken}>
      <header>
        <h1>${task?.sentence ?? text.page.subject} <span>${parts === null ? '' : text.page.parts(parts)}</span></h1>
        ${screen.tasks.length > 0
          ? html`<label class="pick"><span>${text.page.task}</span>
              <select data-testid="task-select" @change=${this.openTask}>
                ${screen.tasks.map((one) => html`<option value=${one.name} .selected=${one.name === doc.task}>${one.title}</option>`)}
              </select>
            </label>`
          : nothing}
        ${aboutTask(screen)}
        <button class="quiet icon" aria-label=${text.page.theme} title=${text.page.theme} @click=${toggleTheme}>${icons.theme}</button>
      </header>
      ${this.prompts(screen)}
      ${this.messages(screen)}
      <div class="after">
        <div class="summaryrow">
          <p class="summary" data-testid="summary" data-kind=${sentence?.kind ?? 'loading'}>${sentence ? richText(sentence.text) : text.summary.loading}</p>
          ${this.twinSwitch(screen)}
        </div>
        ${doc.twin && screen.twin ? this.twinPanel(screen) : nothing}
      </div>
      <main>
        <section class="card gcard" aria-label=${text.page.circuit}>
          <div class="bar2">
            ${modes(screen, (mode) => this.playground.change(withMode(this.doc, mode), ''))}
            ${this.foldSwitch(screen)}
            ${viewSwitch(screen, (view) => this.playground.view(view))}
          </div>
          <div class="gw" data-testid="graph" ?hidden=${screen.view !== 'graph'}>
            ${screen.view === 'graph' ? html`<sc-graph .snapshot=${painted.snapshot} .previous=${painted.previous} .hover=${screen.hover} .selected=${doc.node} .whole=${this.whole === snapshot?.task.name}></sc-graph>` : nothing}
          </div>
          <sc-node-list .snapshot=${painted.snapshot} .hover=${screen.hover} .selected=${doc.node} .shown=${screen.view === 'list'}></sc-node-list>
          ${legend(painted.snapshot, painted.previous !== null)}
        </section>
        <sc-panel .screen=${{ ...screen, ...painted }}></sc-panel>
      </main>
      ${footer(screen, this.copied, {
        undo: () => this.playground.undo(),
        reset: () => this.playground.reset(),
        share: this.share,
        use: (backend) => void this.playground.useBackend(backend),
      })}
      <div class="vh" aria-live="polite">${this.announced}</div>
      <svg class="vh" aria-hidden="true"><defs>
        <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V4" class="hl" /></pattern>
      </defs></svg>
    </div>`;
  }

  private twinSwitch(screen: Screen): TemplateResult | typeof nothing {
    if (!screen.twin) return nothing;
    const open = screen.doc.twin !== null;
    const knows = screen.twin.listed.tasks.some((task) => task.name === screen.doc.task);
    return html`<button class="twinb" data-testid="twin-open" aria-expanded=${open} ?disabled=${!screen.snapshot || screen.placeholder || !(open || knows)}
      title=${knows ? text.twin.openHint : text.twin.noTask}
      @click=${() => this.playground.change(withTwin(this.doc, !open), 'select')}>${text.twin.name}</button>`;
  }

  /** The panel's code comes with its first opening. */
  private twinPanel(screen: Screen): TemplateResult | typeof nothing {
    if (screen.placeholder || !screen.snapshot || screen.model?.file !== screen.twin?.listed.file) return nothing;
    if (typeof this.twin === 'object') return html`<p class="notice" role="alert" data-testid="twin-error">${this.twin.lost}</p>`;
    if (this.twin === 'here') return html`<sc-twin .playground=${this.playground}></sc-twin>`;
    if (this.twin === 'absent') {
      this.twin = 'loading';
      import('../twin/twin').then(
        () => (this.twin = 'here'),
        (error: unknown) => (this.twin = { lost: text.twin.codeLost(String(error)) }),
      );
    }
    return html`<p class="tload">${text.twin.codeLoading}</p>`;
  }

  /** Nodes that are inactive on the task's example stand behind counts until someone wants to see them. */
  private foldSwitch({ snapshot, view }: Screen): TemplateResult | typeof nothing {
    const { circuit, inactive, name } = snapshot?.task ?? {};
    if (!circuit || !inactive?.length || view !== 'graph') return nothing;
    const whole = this.whole === name;
    return html`<button class="quiet small fold" data-folded=${!whole} title=${text.modes.inactive(inactive.length)} @click=${() => (this.whole = whole ? null : name!)}>
      ${whole ? text.modes.fold(inactive.length) : text.modes.unfold(circuit.nodes.length)}
    </button>`;
  }

  private prompts(screen: Screen): TemplateResult {
    const { snapshot, painted: { snapshot: painted }, doc } = screen;
    const fresh = painted && painted.doc.a === doc.a && painted.doc.task === doc.task ? painted.result : null;
    // While new tokens are on their way the editors keep the old ones, as far as they fit.
    const last = painted && painted.doc.task === doc.task ? painted.result : null;
    const b = doc.b ?? fresh?.b?.text ?? this.lastB(screen);
    const tokens = fresh ? text.prompts.tokens(fresh.a.tokens.length) : '';
    const at = fresh ?? last;
    const marked = at ? (doc.token ?? at.view.marked) : -1;
    const partner = at?.b ? at.b.tokens.length - (at.a.tokens.length - marked) : -1;
    const task = screen.tasks.find((one) => one.name === doc.task);
    return html`<div class="top">
      <section class="edit" aria-label=${text.prompts.label}>
        <div class="lbl">${text.prompts.a} <span>${tokens}</span>${this.examples(screen)}</div>
        <sc-editor .name=${'prompt-a'} .label=${text.prompts.a} .text=${doc.a} .prompt=${(fresh ?? last)?.a ?? null} .marked=${marked} .focused=${true}
          @edit=${(event: CustomEvent<string>) => this.playground.change(withText(this.doc, event.detail), 'type-a')}></sc-editor>
        <div class="second">
          <span class="lbl2" title=${text.prompts.bHint}>${text.prompts.b}</span>
          <sc-editor .name=${'prompt-b'} .line=${true} .placeholder=${text.prompts.bNone} .label=${text.prompts.bLabel} .text=${b} .prompt=${(fresh ?? last)?.b ?? null} .marked=${partner}
            @edit=${(event: CustomEvent<string>) => this.playground.change(withCounterfactual(this.doc, event.detail), 'type-b')}></sc-editor>
          ${doc.b === null
            ? nothing
            : html`<button class="quiet small" @click=${() => this.playground.change(withCounterfactual(this.doc, null), '')} title=${text.prompts.byRuleHint}>${text.prompts.byRule}</button>`}
        </div>
      </section>
      <svg class="fork" viewBox="0 0 56 104" preserveAspectRatio="none" aria-hidden="true"><path d="M0 66C30 66 22 24 56 24M0 66C30 66 22 72 56 72" /></svg>
      ${bars(task?.candidates ?? null, snapshot && snapshot.task.name === doc.task ? snapshot : null, screen.previous)}
      ${flip(screen, () => this.playground.change(withFlip(this.doc, !this.doc.edits.flip), ''))}
    </div>`;
  }

  /** The task's presets, one click away. */
  private examples(screen: Screen): TemplateResult | typeof nothing {
    const presets = screen.tasks.find((one) => one.name === screen.doc.task)?.presets ?? [];
    if (presets.length < 2) return nothing;
    const names = exampleNames(presets.map((preset) => preset.a.text));
    const pick = (event: Event) => {
      const select = event.target as HTMLSelectElement;
      const preset = presets[Number(select.value)];
      select.value = '-1';
      if (preset) this.playground.change(withCounterfactual(withText(this.doc, preset.a.text), null), '');
    };
    return html`<select class="examples" aria-label=${text.prompts.examples} .value=${'-1'} @change=${pick}>
      <option value="-1">${text.prompts.examples}</option>
      ${names.map((name, index) => html`<option value=${index}>${name}</option>`)}
    </select>`;
  }

  /** While a new text is on its way, prompt B shows what it was. */
  private lastB(screen: Screen): string {
    const task = screen.tasks.find((one) => one.name === screen.doc.task);
    if (screen.phase === 'busy' || screen.phase === 'error') return screen.painted.snapshot?.result.b?.text ?? '';
    return screen.phase === 'loading' && task?.presets[0]?.a.text === screen.doc.a ? task.presets[0].b.text : '';
  }

  private messages(screen: Screen): TemplateResult | typeof nothing {
    const { failure } = screen;
    const notices = [...screen.notices, ...(screen.snapshot && screen.phase === 'ready' ? notes(screen.snapshot, screen.model) : [])];
    if (failure === null && notices.length === 0) return nothing;
    return html`<div class="notice ${failure === null ? '' : 'fatal'}" data-testid="error" role=${failure === null ? 'status' : 'alert'}>
      ${failure === null ? nothing : html`<p data-notice="failure">${failure}</p>`}
      ${notices.map((notice) => html`<p data-notice=${notice.kind}>${text.notice(notice)}</p>`)}
      ${failure === null ? nothing : html`<button class="quiet" @click=${() => location.reload()}>${text.page.reload}</button>`}
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

  private share = async (): Promise<void> => {
    const url = `${location.href.split('#')[0]}${encode(this.doc)}`;
    try {
      await navigator.clipboard.writeText(url);
      this.copied = text.footer.copied;
    } catch {
      // No clipboard (an insecure address, a refusal): the address bar holds the same link.
      this.copied = text.footer.notCopied;
    }
    setTimeout(() => (this.copied = ''), 4000);
  };
}
