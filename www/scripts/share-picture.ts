/** The picture that social networks show with a link to the page: a PNG of the default task's circuit. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const find = createRequire(import.meta.url).resolve;

/** The fonts come from a package, so that the picture is the same on every machine. */
const FONTS = ['DejaVuSansCondensed', 'DejaVuSansCondensed-Bold', 'DejaVuSansMono', 'DejaVuSansMono-Bold'];
const FAMILY = 'DejaVu Sans Condensed';

/** Pixels, as social networks ask for. */
const SIZE = { width: 1200, height: 630 };
const MARGIN = 48;

/** `graph` is the drawing as SVG with its `viewBox`, `rules` its style sheet, `tokens` the style sheet with the variables. */
export async function sharePicture(headline: string, line: string, graph: string, rules: string, tokens: string): Promise<Uint8Array> {
  const drawing = graph.replace(/^<svg/, `<svg x="${MARGIN}" y="130" preserveAspectRatio="xMidYMid" overflow="visible"`)
    .replace(/ width="[\d.]+"/, ` width="${SIZE.width - 2 * MARGIN}"`)
    .replace(/ height="[\d.]+"/, ` height="${SIZE.height - 150}"`)
    // The renderer drops spaces at the start of a part of a text.
    .replace(/(<tspan[^>]*>) /g, '$1\u00A0');
  // The renderer does not know variables.
  const value = lightTheme(tokens);
  const style = rules.replace(/var\((--\w+)\)/g, (_, name: string) => value(name));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE.width}" height="${SIZE.height}" font-family="${FAMILY}" font-size="14">
<style>${style}</style>
<rect width="100%" height="100%" fill="${value('--bg')}"/>
<text x="${MARGIN}" y="70" font-size="46" font-weight="700" fill="${value('--ink')}">${headline}</text>
<text x="${MARGIN}" y="112" font-size="30" fill="${value('--ink2')}">${line}</text>
${drawing}
</svg>`;
  await initWasm(await readFile(find('@resvg/resvg-wasm/index_bg.wasm')));
  const fontBuffers = await Promise.all(FONTS.map((name) => readFile(find(`dejavu-fonts-ttf/ttf/${name}.ttf`))));
  return new Resvg(svg, { font: { fontBuffers, defaultFontFamily: FAMILY, monospaceFamily: 'DejaVu Sans Mono' } }).render().asPng();
}

/** The values of the variables in the light theme, which is the first rule. */
function lightTheme(tokens: string): (name: string) => string {
  const [, rule = ''] = /:root[^{]*\{([^}]*)\}/.exec(tokens) ?? [];
  const values = new Map([...rule.matchAll(/(--\w+): ([^;]+);/g)].map(([, name, value]) => [name!, value!]));
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`tokens.css: the light theme has no ${name}`);
    return value;
  };
}
