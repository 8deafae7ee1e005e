/** The panels of the page, by place and in their order. A new panel is one line here. */
import { nodePanel } from './node-panel/node-panel';
import type { Panel } from './common/panel';
import { tourPanel } from './lesson/slot';
import { twinPanel } from './twin/slot';

export const panels: { belowSummary: Panel[]; besideGraph: Panel[] } = {
  belowSummary: [tourPanel, twinPanel],
  besideGraph: [nodePanel],
};
