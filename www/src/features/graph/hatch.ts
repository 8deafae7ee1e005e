import { html, type TemplateResult } from 'lit';

/** The hatching of negative values. A page with a graph has it once. */
export const hatch: TemplateResult = html`<svg class="vh" aria-hidden="true"><defs>
  <pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V4" class="hl" /></pattern>
</defs></svg>`;
