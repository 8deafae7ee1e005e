/** Export: the graph as a picture, the run as a file, and a saved run to open. Loaded when it is used for the first time. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { messageOf } from '../../domain/errors';
import type { Playground } from '../../state/playground';
import type { Snapshot } from '../../state/screen';
import { exporting as text } from '../../text/en/export';
import { icons } from '../common/icons';
import { Light } from '../common/light';
import './export.css';
import { figureSvg, THEMES, type Theme } from './figure';
import { openRun } from './open-run';
import { dataUrl, toPng } from './picture';
import { runFile, writeCsv, writeJson } from './run-file';

export { openRun };

/** Pixels of a PNG for each CSS pixel, so that it is sharp on slides. */
const SCALE = 2;

const KINDS = ['svg', 'png', 'json', 'csv'] as const;
type Kind = (typeof KINDS)[number];

@customElement('sc-export')
export class Export extends Light {
  @property({ attribute: false }) playground!: Playground;
  @query('dialog') private dialog!: HTMLDialogElement;
  @state() private theme: Theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  @state() private picture: string | null = null;
  @state() private told = '';
  private drawn: [Snapshot, Theme] | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    const { theme } = document.documentElement.dataset;
    if (theme === 'light' || theme === 'dark') this.theme = theme;
  }

  protected override firstUpdated(): void {
    this.dialog.showModal();
  }

  protected override updated(): void {
    void this.draw();
  }

  private async draw(): Promise<void> {
    const { snapshot, model } = this.playground.screen;
    const { theme, drawn } = this;
    if (!snapshot || !model || (drawn?.[0] === snapshot && drawn[1] === theme)) return;
    this.drawn = [snapshot, theme];
    this.picture = await figureSvg(snapshot, model, theme);
  }

  protected override render(): TemplateResult {
    return html`<dialog class="card dialog export" aria-labelledby="export-title" @keydown=${(event: Event) => event.stopPropagation()} @close=${() => this.dispatchEvent(new Event('closed'))}>
      <div class="head"><h2 id="export-title">${text.title}</h2>
        <button class="quiet icon" data-testid="export-close" aria-label=${text.close} @click=${() => this.dialog.close()}>${icons.close}</button></div>
      <div class="looks"><label>${text.theme} <select data-testid="export-theme" @change=${(event: Event) => (this.theme = (event.target as HTMLSelectElement).value as Theme)}>
        ${THEMES.map((theme) => html`<option value=${theme} .selected=${theme === this.theme}>${text.themes[theme]}</option>`)}</select></label></div>
      <div class="preview">${this.picture === null ? nothing : html`<img data-testid="export-preview" alt=${text.preview} src=${dataUrl(this.picture)} />`}</div>
      <div class="saves">${KINDS.map((kind) => html`<button class="twinb" data-testid="export-${kind}" ?disabled=${this.picture === null} @click=${() => this.save(kind)}>${text.kinds[kind]}</button>`)}</div>
      <p class="status" role="status" data-testid="export-status">${this.told}</p>
      <label class="open"><span>${text.open} <span class="drop">${text.drop}</span></span> <input type="file" data-testid="open-file" accept=".json,application/json" @change=${this.openFile} /></label>
    </dialog>`;
  }

  private save = async (kind: Kind): Promise<void> => {
    const { snapshot, model } = this.playground.screen;
    if (!snapshot || !model || this.picture === null) return;
    const { mode, flip } = snapshot.result.edits;
    const name = `${snapshot.task.name.replace(/[^\w-]+/g, '-')}-${mode}${flip ? '-flipped' : ''}.${kind}`;
    try {
      const file = () => runFile(snapshot, model);
      download(name, kind === 'svg' ? new Blob([this.picture], { type: 'image/svg+xml' })
        : kind === 'png' ? await toPng(this.picture, SCALE)
        : kind === 'json' ? new Blob([writeJson(file())], { type: 'application/json' })
        : new Blob([writeCsv(file())], { type: 'text/csv;charset=utf-8' }));
      this.told = text.saved(name);
    } catch (error) {
      this.told = text.failed(name, messageOf(error));
    }
  };

  private openFile = async (event: Event): Promise<void> => {
    const file = (event.target as HTMLInputElement).files?.[0];
    if (!file) return;
    this.dialog.close();
    await openRun(file, this.playground);
  };
}

/** Milliseconds after which a download has begun. */
const BEGUN = 60_000;

function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), BEGUN);
}
