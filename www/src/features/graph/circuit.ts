/** The circuit: what runs, the graph or the list of its nodes, and the legend. */
import { html, nothing, type TemplateResult } from 'lit';
import { withMode } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { modes as modesText, page as pageText } from '../../text/en';
import './graph';
import { legend } from './legend';
import { modes, viewSwitch } from './modes';
import './node-list';

/** `unfolded`: the task whose inactive nodes are drawn too. */
export function circuit(playground: Playground, unfolded: string | null, unfold: (task: string | null) => void): TemplateResult {
  const { screen } = playground;
  const { snapshot, painted, doc } = screen;
  return html`<section class="card gcard" aria-label=${pageText.circuit}>
    <div class="bar2">
      ${modes(screen, (mode) => playground.change(withMode(playground.screen.doc, mode), ''))}
      ${foldSwitch(screen, unfolded, unfold)}
      ${viewSwitch(screen, (view) => playground.view(view))}
    </div>
    <div class="gw" translate="no" data-testid="graph" ?hidden=${screen.view !== 'graph'}>
      ${screen.view === 'graph' ? html`<sc-graph .snapshot=${painted.snapshot} .previous=${painted.previous} .hover=${screen.hover} .selected=${doc.node} .whole=${unfolded === snapshot?.task.name}></sc-graph>` : nothing}
    </div>
    <sc-node-list .snapshot=${painted.snapshot} .hover=${screen.hover} .selected=${doc.node} .shown=${screen.view === 'list'}></sc-node-list>
    ${legend(painted.snapshot, painted.previous !== null)}
  </section>`;
}

/** Nodes that are inactive on the task's example stand behind counts until someone wants to see them. */
function foldSwitch({ snapshot, view }: Screen, unfolded: string | null, unfold: (task: string | null) => void): TemplateResult | typeof nothing {
  const { circuit, inactive, name } = snapshot?.task ?? {};
  if (!circuit || !inactive?.length || view !== 'graph') return nothing;
  const whole = unfolded === name;
  return html`<button class="quiet small fold" data-folded=${!whole} title=${modesText.inactive(inactive.length)} @click=${() => unfold(whole ? null : name!)}>
    ${whole ? modesText.fold(inactive.length) : modesText.unfold(circuit.nodes.length)}
  </button>`;
}
