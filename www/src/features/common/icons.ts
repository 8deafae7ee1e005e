import { svg, type SVGTemplateResult } from 'lit';
import { html, type TemplateResult } from 'lit';

const draw = (inside: SVGTemplateResult): TemplateResult => html`<svg class="ic" viewBox="0 0 17 17" aria-hidden="true">${inside}</svg>`;

export const icons = {
  theme: draw(svg`<circle cx="8.5" cy="8.5" r="5.5"/><path d="M8.5 3a5.5 5.5 0 0 1 0 11z" class="solid"/>`),
  fullScreen: draw(svg`<path d="M3 6.5V3h3.5M10.5 3H14v3.5M14 10.5V14h-3.5M6.5 14H3v-3.5"/>`),
  flip: draw(svg`<path d="M3 6h9.5M10 3l3 3-3 3M14 11H4.5M7 8.5 4 11l3 3"/>`),
  undo: draw(svg`<path d="M4 7h6a3.5 3.5 0 0 1 0 7H7M4 7l3-3M4 7l3 3"/>`),
  reset: draw(svg`<path d="M4 8.5a4.5 4.5 0 1 0 1.4-3.2M4 3.5v2.6h2.6"/>`),
  share: draw(svg`<path d="M7 9.5 11 6M8 5h3.5v3.5M9 4.5H4v9h9V9"/>`),
  export: draw(svg`<path d="M8.5 2.5v8M5.5 7.5l3 3 3-3M3 11v3h11v-3"/>`),
  close: draw(svg`<path d="M4.5 4.5l8 8M12.5 4.5l-8 8"/>`),
};
