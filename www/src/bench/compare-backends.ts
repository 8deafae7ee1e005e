/** Ops and whole passes on both backends, through the package of `benches/engine`. */
import start, { Sides as Comparison } from 'sparse-circuits-bench';
import type { Wanted, Options } from './options';

/** As `benches/engine/src/compare_backends.rs` has them. */
interface Figures {
  ms: number;
  gflops: number;
  gbs: number;
  share: number | null;
}

interface Row extends Wanted {
  cpu: Figures;
  webgpu: Figures | null;
  atOnce: number;
  difference: number | null;
}

export interface ComparisonResult {
  /** The adapter's name, or null without one. */
  device: string | null;
  /** It computes on the CPU. */
  software: boolean;
  /** How many rows there will be. */
  planned: number;
  rows: Row[];
}

/** `report` is called before the first row and for each new row. */
export async function compareBackends(options: Options, report: (result: ComparisonResult) => void): Promise<ComparisonResult> {
  await start();
  const comparison = await Comparison.open();
  const device = comparison.hasDevice() ? await name() : null;
  const software = comparison.isSoftware();
  const all = options.full ?? (device !== null && !software);
  const plan = (Comparison.plan(all) as Wanted[]).filter((wanted) => options.keeps(wanted));
  const result: ComparisonResult = { device, software, planned: plan.length, rows: [] };
  report(result);
  for (const wanted of plan) {
    result.rows.push((await comparison.row(wanted)) as Row);
    report(result);
    // The CPU's passes keep this thread; the table is painted between them.
    await new Promise((done) => setTimeout(done));
  }
  return result;
}

/** The adapter's name in this browser: usually vendor and architecture. */
async function name(): Promise<string> {
  const info = (await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' }))?.info;
  return [info?.vendor, info?.architecture, info?.description].filter(Boolean).join(' ') || 'an adapter without a name';
}

/** What a table's reader must know first. */
export function caution({ device, software }: ComparisonResult): string {
  if (device === null) return 'No WebGPU adapter: the CPU alone.';
  return software ? `WebGPU on ${device}, a software adapter: its times mean nothing, only that both backends agree.` : `WebGPU on ${device}.`;
}

/** Header and rows. */
export function lines({ rows }: ComparisonResult): string[][] {
  const figures = (side: Figures | null) =>
    side === null ? ['', '', '', ''] : [short(side.ms), rate(side.gflops), rate(side.gbs), side.share === null ? '' : percent(side.share)];
  return [
    ['', 'size', ...['cpu', 'webgpu'].flatMap((side) => [`${side} ms`, 'GFLOP/s', 'GB/s', 'of roofline']), 'difference'],
    ...rows.map((row) => [
      row.what, size(row), ...figures(row.cpu), ...figures(row.webgpu), row.difference === null ? '' : row.difference === 0 ? '0' : row.difference.toExponential(0),
    ]),
  ];
}

function size({ what, shape, atOnce }: Row): string {
  const layers = what === 'forward' ? ` x ${shape.nLayer} layers` : '';
  const density = what === 'forward' || what.includes('sparse') ? `, ${100 * shape.density} %` : '';
  return `${shape.dModel}${layers}${density}, ${shape.tokens} tokens x ${shape.batch}${atOnce < shape.batch ? ` (${atOnce} at once)` : ''}`;
}

function percent(share: number): string {
  return share < 0.01 ? '<1 %' : `${Math.round(100 * share)} %`;
}

function rate(value: number): string {
  return value > 0 ? short(value) : '';
}

function short(value: number): string {
  return value < 0.1 ? value.toPrecision(1) : value < 100 ? value.toPrecision(3) : String(Math.round(value));
}
