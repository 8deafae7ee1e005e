/** The circuit: what runs, the graph or the list of its nodes, and the legend. */
import { html, nothing, type TemplateResult } from 'lit';
import { withAll, withList, withMode, withToken } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { modes as modesText, page as pageText } from '../../text/en';
import './graph';
import { legend } from './legend';
import { modes, viewSwitch } from './modes';
import './node-list';
import { stepper } from './stepper';

export function circuit(playground: Playground): TemplateResult {
  const { screen } = playground;
  const { painted, doc } = screen;
  return html`<section class="card gcard" aria-label=${pageText.circuit}>
    <div class="bar2">
      ${modes(screen, (mode) => playground.change(withMode(playground.screen.doc, mode), ''))}
      ${foldSwitch(screen, (all) => playground.change(withAll(playground.screen.doc, all), 'select'))}
      ${stepper(screen, (token) => playground.change(withToken(playground.screen.doc, token), 'select'))}
      ${viewSwitch(screen, (list) => playground.change(withList(playground.screen.doc, list), 'select'))}
    </div>
    <div class="gw" translate="no" data-testid="graph" ?hidden=${doc.list}>
      ${doc.list ? nothing : html`<sc-graph .snapshot=${painted} .hover=${screen.hover} .selected=${doc.node} .whole=${doc.all}></sc-graph>`}
    </div>
    <sc-node-list .snapshot=${painted} .hover=${screen.hover} .selected=${doc.node} .shown=${doc.list}></sc-node-list>
    ${legend(painted, painted?.result.view.untouched != null)}
  </section>`;
}

/** Nodes that are inactive on the task's example are collapsed into counts until the user expands them. */
function foldSwitch({ snapshot, doc }: Screen, pick: (all: boolean) => void): TemplateResult | typeof nothing {
  const inactive = snapshot?.task.inactive ?? [];
  if (inactive.length === 0 || doc.list) return nothing;
  return html`<button class="quiet small fold" data-folded=${!doc.all} title=${modesText.inactive(inactive.length)} @click=${() => pick(!doc.all)}>
    ${doc.all ? modesText.fold(inactive.length) : modesText.unfold(inactive.length)}
  </button>`;
}
