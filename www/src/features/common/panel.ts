import type { nothing, TemplateResult } from 'lit';
import type { Playground } from '../../state/playground';

/** A part of the page that comes and goes. It draws what is on the screen and changes the document through the playground. */
export type Panel = (playground: Playground) => TemplateResult | typeof nothing;
