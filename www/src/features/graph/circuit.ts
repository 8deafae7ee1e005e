/** The circuit: what runs, the graph or the list of its nodes, and the legend. */
import { html, nothing, type TemplateResult } from 'lit';
import { withMode, withToken } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { modes as modesText, page as pageText } from '../../text/en';
import './graph';
import { legend } from './legend';
import { modes, viewSwitch } from './modes';
import './node-list';
import { stepper } from './stepper';

/** `unfolded`: the task whose inactive nodes are expanded. */
export function circuit(playground: Playground, unfolded: string | null, unfold: (task: string | null) => void): TemplateResult {
  const { screen } = playground;
  const { snapshot, painted, doc } = screen;
  return html`<section class="card gcard" aria-label=${pageText.circuit}>
    <div class="bar2">
      ${modes(screen, (mode) => playground.change(withMode(playground.screen.doc, mode), ''))}
      ${foldSwitch(screen, unfolded, unfold)}
      ${stepper(screen, (token) => playground.change(withToken(playground.screen.doc, token), 'select'))}
      ${viewSwitch(screen, (view) => playground.view(view))}
    </div>
    <div class="gw" translate="no" data-testid="graph" ?hidden=${screen.view !== 'graph'}>
      ${screen.view === 'graph' ? html`<sc-graph .snapshot=${painted} .hover=${screen.hover} .selected=${doc.node} .whole=${unfolded === snapshot?.task.name}></sc-graph>` : nothing}
    </div>
    <sc-node-list .snapshot=${painted} .hover=${screen.hover} .selected=${doc.node} .shown=${screen.view === 'list'}></sc-node-list>
    ${legend(painted, painted?.result.view.untouched != null)}
  </section>`;
}

/** Nodes that are inactive on the task's example are collapsed into counts until the user expands them. */
function foldSwitch({ snapshot, view }: Screen, unfolded: string | null, unfold: (task: string | null) => void): TemplateResult | typeof nothing {
  const { circuit, inactive, name } = snapshot?.task ?? {};
  if (!circuit || !inactive?.length || view !== 'graph') return nothing;
  const whole = unfolded === name;
  return html`<button class="quiet small fold" data-folded=${!whole} title=${modesText.inactive(inactive.length)} @click=${() => unfold(whole ? null : name!)}>
    ${whole ? modesText.fold(inactive.length) : modesText.unfold(inactive.length)}
  </button>`;
}
