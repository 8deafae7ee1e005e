/** The panel of the dense twin: the same prompt in a dense model, steered along one channel of the sparse model. Loaded when it is opened. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Playground } from '../../state/playground';
import { withBoundary, withChannel, withSteer, withTwin } from '../../state/document';
import type { Screen } from '../../state/screen';
import { channelOf, reads, TwinRunner, type TwinSnapshot } from './twin-runner';
import './twin.css';
import { twin as text } from '../../text/en';
import { percent, showToken } from '../../text/format';
import { linked } from '../../text/rich-text';
import { givenName } from '../../text/names';
import { medianOf, otherOf, steering, steeringText } from './steering';
import { connectTwin } from '../../engine/client';
import type { NodeInfo, TaskInfo } from '../../engine/protocol';
import { bar } from '../prediction/bars';
import { icons } from '../common/icons';
import { Light } from '../common/light';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';
import { twinChart } from './chart';

@customElement('sc-twin')
export class TwinPanel extends Light {
  @property({ attribute: false }) playground!: Playground;
  private engine: ReturnType<typeof connectTwin> | null = null;
  private twin: TwinRunner | null = null;
  private leave: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.engine = connectTwin({ describe: text.failure, onRestart: () => {} });
    this.twin = new TwinRunner(this.engine.calls, () => this.requestUpdate());
    const { twin } = this;
    this.leave = this.playground.subscribe(() => {
      twin.follow(this.playground.screen);
      this.requestUpdate();
    });
    twin.follow(this.playground.screen);
    const source = this.playground.screen.twin;
    if (source) void twin.open(source);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
    this.twin?.close();
    this.engine?.close();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { screen } = this.playground;
    const twin = this.twin?.screen;
    const task = screen.snapshot?.task;
    if (!twin || !task || !screen.doc.twin) return nothing;
    // Do not show numbers of another task with this task's candidates.
    const snapshot = twin.snapshot?.case.task === screen.doc.task ? twin.snapshot : null;
    return html`<section class="card twin" data-testid="twin" data-state=${twin.phase} aria-label=${text.name}>
      <div class="thead">
        <h2>${text.name}</h2>
        <p>${richText(linked([text.intro]))}</p>
        <button class="quiet icon" data-testid="twin-close" aria-label=${text.close} @click=${() => this.change(withTwin(screen.doc, false), 'select')}>${icons.close}</button>
      </div>
      ${screen.twin?.listed.default ? nothing : html`<p class="tother" data-testid="twin-other-circuit">${text.otherCircuit}</p>`}
      ${twin.failure ? html`<p class="tfail" role="alert" data-testid="twin-error">${twin.failure}</p>` : nothing}
      ${twin.phase === 'loading' ? this.progress() : nothing}
      ${snapshot && screen.snapshot ? this.body(screen, task, snapshot) : nothing}
    </section>`;
  }

  private progress(): TemplateResult {
    const progress = this.twin?.screen.progress;
    const { loaded, total } = progress ?? { loaded: 0, total: 1 };
    return html`<p class="tload">
      <span>${text.loading(progress ?? null)}</span>
      <span class="load" role="progressbar" aria-label=${text.loadingLabel} aria-valuemin="0" aria-valuemax=${total} aria-valuenow=${loaded}
        ><i ${styles({ width: `${((100 * loaded) / Math.max(1, total)).toFixed(1)}%` })}></i></span
      >
    </p>`;
  }

  private body(screen: Screen, task: TaskInfo, snapshot: TwinSnapshot): TemplateResult {
    const { before, p, random } = snapshot;
    const steered = snapshot.steer > 0 && snapshot.case.b !== null;
    const flipped = screen.doc.edits.flip;
    const other = otherOf(snapshot);
    const control = random && medianOf(random);
    const effect = steering(snapshot);
    return html`<div class="tbody">
      <div class="tplot" translate="no">${twinChart(snapshot, task.candidates, task.circuit, screen.model?.headWidth ?? 0)}</div>
      <div class="tnext ${snapshot.steer === screen.doc.twin?.steer ? '' : 'old'}" data-steer=${snapshot.steer}>
        <div class="lbl">${text.next}</div>
        <div class="bars" translate="no">
          ${([0, 1] as const).map((index) =>
            bar(index === 0 ? 'dense-p-target' : 'dense-p-alt', task.candidates[index], { p: p[index], win: p[index] > p[1 - index]!, was: steered ? before[index] : null }))}
        </div>
        ${snapshot.case.b !== null && snapshot.case.channel !== null
          ? html`<p class="tsummary" data-testid="twin-now" data-value=${p[other]} data-steer=${snapshot.steer}>${richText(text.now(task.candidates[other], snapshot.steer, before[other], p[other]))}</p>`
          : nothing}
        <p class="tsummary" data-testid="twin-summary" data-kind=${effect.kind} data-directions=${snapshot.random?.length ?? nothing}>${richText(steeringText(snapshot, task.candidates, screen.snapshot?.result.reason ?? null))}</p>
        ${control
          ? html`<p class="tiny">${text.randomMedian(random.length)}<code>${showToken(task.candidates[other])}</code>
              <b data-testid="dense-random" data-value=${control[1]} data-before=${before[1]}>${percent(control[other])}</b>
              ${text.randomBefore(before[other])}</p>`
          : nothing}
        ${flipped === steered || snapshot.case.b === null ? nothing : html`<p class="tiny" data-testid="twin-apart">${flipped ? text.notSteered : text.notFlipped}</p>`}
      </div>
      <div class="tsteer">${this.controls(screen, task, snapshot)} ${this.hybrid(screen.doc.twin!.boundary, task, snapshot)}</div>
    </div>`;
  }

  private controls(screen: Screen, task: TaskInfo, snapshot: TwinSnapshot): TemplateResult {
    const { doc } = screen;
    const { steer, channel } = doc.twin!;
    const named = this.twin!.screen.channels[task.name];
    const all = reads(task.circuit);
    const chosen = channelOf(task.circuit, channel, named);
    const off = snapshot.case.b === null || chosen === null;
    const info = (node: string) => task.circuit.nodes.find((one) => one.node === node)!;
    const pick = (event: Event) => {
      const node = (event.target as HTMLSelectElement).value;
      this.change(withChannel(this.playground.screen.doc, node === named ? null : node), 'channel');
    };
    return html`<label class="tfield"><span>${text.channel} ${chosen !== null && chosen === named ? html`<i>${text.best}</i>` : nothing}</span>
        <select data-testid="steer-channel" ?disabled=${all.length === 0} @change=${pick}>
          ${all.map((node) => html`<option value=${node} .selected=${node === chosen}>${channelName(info(node))}</option>`)}
        </select>
      </label>
      ${channel !== null && channel !== chosen
        ? html`<p class="tiny">${text.noRead(channel, chosen)}</p>`
        : nothing}
      <label class="tfield"><span>${text.strength} <b>${text.strengthValue(steer)}</b></span>
        <span class="sl"><input
          type="range"
          data-testid="steer-strength"
          min="0"
          max="1"
          step="0.01"
          aria-valuetext=${text.strengthSaid(steer)}
          ${styles({ '--at': `${(steer * 100).toFixed(1)}%` })}
          ?disabled=${off}
          .value=${String(steer)}
          @input=${(event: Event) => this.change(withSteer(this.playground.screen.doc, Number((event.target as HTMLInputElement).value)), 'steer')}
        /></span>
      </label>`;
  }

  /** Hybrid passes, which start in one model and end in the other. */
  private hybrid(boundary: number | null, task: TaskInfo, { hybrid, before }: TwinSnapshot): TemplateResult | typeof nothing {
    if (!hybrid) return nothing;
    const sites = hybrid.sparseToDense.length;
    const at = Math.min(boundary ?? sites >> 1, sites - 1);
    const wins = before[1] > before[0] ? 1 : 0;
    const pick = (event: Event) => this.change(withBoundary(this.playground.screen.doc, Number((event.target as HTMLSelectElement).value)), 'select');
    const line = (name: string, way: string, p: [number, number]) =>
      html`<li>${way} <code>${showToken(task.candidates[wins])}</code> <b data-testid=${name} data-value=${p[1]}>${percent(p[wins])}</b></li>`;
    return html`<label class="tfield"><span>${text.switch}</span>
        <select data-testid="hybrid-switch" @change=${pick}>
          ${Array.from({ length: sites }, (_, index) => html`<option value=${index} .selected=${index === at}>${text.boundary(index)}</option>`)}
        </select>
      </label>
      <p class="tiny">${text.switchHint}.</p>
      <ul class="tiny">
        ${line('hybrid-sparse-dense', text.sparseToDense, hybrid.sparseToDense[at]!)}
        ${line('hybrid-dense-sparse', text.denseToSparse, hybrid.denseToSparse[at]!)}
      </ul>`;
  }

  private change(next: Screen['doc'], kind: string): void {
    this.playground.change(next, kind);
  }
}

/** A channel as an option of the list: its name or number, and its layer and block. */
function channelName(info: NodeInfo): string {
  return text.channelName(givenName(info), info.index, info.layer, info.site);
}
