/**
 * Turns a part of the page into an SVG that needs nothing else: boxes, lines of text and drawings, with all colours and fonts as
 * attributes, so that programs without CSS read it too. Elements and attributes are copied by a list of names: no script, no link and no
 * style can get in.
 */

const SVG = 'http://www.w3.org/2000/svg';

/** What a drawing may have. */
const ELEMENTS = new Set(['g', 'path', 'rect', 'circle', 'text', 'tspan', 'title', 'defs', 'pattern']);
const ATTRIBUTES = [
  'd', 'x', 'y', 'dx', 'dy', 'cx', 'cy', 'r', 'rx', 'width', 'height', 'transform', 'id', 'patternUnits', 'patternTransform', 'data-node', 'data-activation', 'data-from', 'data-to', 'data-testid', 'data-value',
];
/** Areas for the pointer. */
const INVISIBLE = '.hit, .edge-hit';
/** The properties that an element takes from its parent, unless it has its own. */
const INHERITED = [
  'fill', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin', 'paint-order', 'font-family', 'font-size', 'font-weight', 'text-anchor',
];
const CLEAR = 'rgba(0, 0, 0, 0)';

/** `root` must be in the document. The drawing has its size in CSS pixels. */
export function toSvg(root: HTMLElement, title: string, description: string): SVGSVGElement {
  const { left, top, width, height } = root.getBoundingClientRect();
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  const svg = make('svg', { width: w, height: h, viewBox: `0 0 ${w} ${h}` });
  svg.append(labelled('title', title), labelled('desc', description));
  copy(root, svg, [left, top]);
  return svg as SVGSVGElement;
}

/** The text of an SVG file. */
export function serialized(svg: SVGSVGElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

type Origin = readonly [left: number, top: number];

function copy(element: Element, out: Element, origin: Origin): void {
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.visibility === 'hidden') return;
  if (element instanceof SVGSVGElement) {
    out.append(drawing(element, origin));
    return;
  }
  box(element, style, out, origin);
  for (const node of element.childNodes) {
    if (node instanceof Element) copy(node, out, origin);
    else if (node instanceof Text) out.append(...lines(node, style, origin));
  }
}

/** The background and the border of an element. */
function box(element: Element, style: CSSStyleDeclaration, out: Element, [left, top]: Origin): void {
  const border = style.borderTopStyle === 'none' ? 0 : parseFloat(style.borderTopWidth);
  const filled = style.backgroundColor !== CLEAR;
  if (!filled && border === 0) return;
  const rect = element.getBoundingClientRect();
  out.append(make('rect', {
    x: round(rect.left - left + border / 2), y: round(rect.top - top + border / 2),
    width: round(rect.width - border), height: round(rect.height - border), rx: parseFloat(style.borderTopLeftRadius) || 0,
    fill: filled ? style.backgroundColor : 'none',
    ...(border > 0 ? { stroke: style.borderTopColor, 'stroke-width': border, ...(style.borderTopStyle === 'dashed' ? { 'stroke-dasharray': '4 3' } : {}) } : {}),
  }));
}

/** A text as the browser has broken it into lines. */
function lines(node: Text, style: CSSStyleDeclaration, [left, top]: Origin): Element[] {
  const range = document.createRange();
  const found: { text: string; rect: DOMRect }[] = [];
  let at = 0;
  for (const char of node.data) {
    range.setStart(node, at);
    range.setEnd(node, (at += char.length));
    const rect = range.getBoundingClientRect();
    // White space that is not shown.
    if (rect.width === 0) continue;
    const last = found.at(-1);
    if (last && Math.abs(last.rect.top - rect.top) < 2) last.text += char;
    else found.push({ text: char, rect });
  }
  return found.filter(({ text }) => text.trim() !== '').map(({ text, rect }) => {
    const line = make('text', {
      x: round(rect.left - left), y: round(rect.top - top + ascent(style)), fill: style.color, 'font-family': style.fontFamily,
      'font-size': parseFloat(style.fontSize), 'font-weight': style.fontWeight, 'xml:space': 'preserve',
    });
    line.textContent = legal(text);
    return line;
  });
}

let canvas: CanvasRenderingContext2D | null = null;

/** Pixels from the top of a line's text to its baseline. */
function ascent(style: CSSStyleDeclaration): number {
  canvas ??= document.createElement('canvas').getContext('2d')!;
  canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  return canvas.measureText('x').fontBoundingBoxAscent;
}

/** A drawing of the page, at its place. */
function drawing(svg: SVGSVGElement, [left, top]: Origin): Element {
  const rect = svg.getBoundingClientRect();
  const view = svg.viewBox.baseVal;
  const scale = view.width > 0 ? rect.width / view.width : 1;
  const group = make('g', { transform: `translate(${round(rect.left - left - view.x * scale)} ${round(rect.top - top - view.y * scale)})${scale === 1 ? '' : ` scale(${round(scale)})`}` });
  const outer = getComputedStyle(svg);
  for (const name of INHERITED) group.setAttribute(name, valueOf(outer, name));
  for (const child of svg.children) shape(child, group, outer);
  return group;
}

function shape(element: Element, out: Element, outer: CSSStyleDeclaration): void {
  const style = getComputedStyle(element);
  if (!ELEMENTS.has(element.localName) || element.matches(INVISIBLE) || style.display === 'none') return;
  const result = make(element.localName, {});
  for (const name of ATTRIBUTES) {
    const value = element.getAttribute(name);
    if (value !== null) result.setAttribute(name, name === 'id' ? PREFIX + value : value);
  }
  for (const name of INHERITED) {
    const value = valueOf(style, name);
    if (value !== valueOf(outer, name)) result.setAttribute(name, value);
  }
  if (style.opacity !== '1') result.setAttribute('opacity', style.opacity);
  if (element.localName === 'text') result.setAttribute('xml:space', 'preserve');
  for (const node of element.childNodes) {
    if (node instanceof Element) shape(node, result, style);
    else if (node instanceof Text && /^(text|tspan|title)$/.test(element.localName)) result.append(legal(node.data));
  }
  out.append(result);
}

/** The names of patterns must not be those of the page: a picture may be put into a page. */
const PREFIX = 'figure-';

function valueOf(style: CSSStyleDeclaration, name: string): string {
  const value = style.getPropertyValue(name).trim();
  if (value === CLEAR) return 'none';
  if (name === 'fill' && value.startsWith('url(')) return value.replace(/^url\("?[^#]*#([\w-]+)"?\).*$/, `url(#${PREFIX}$1)`);
  return /^(stroke-width|stroke-dasharray|font-size)$/.test(name) ? value.replaceAll('px', '') : value;
}

function make(name: string, attributes: Record<string, string | number>): Element {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'xml:space') element.setAttributeNS('http://www.w3.org/XML/1998/namespace', key, String(value));
    else element.setAttribute(key, String(value));
  }
  return element;
}

function labelled(name: string, text: string): Element {
  const element = make(name, {});
  element.textContent = legal(text);
  return element;
}

/** XML has no control characters, not even escaped. */
export function legal(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The picture as a PNG with `scale` pixels for each CSS pixel. */
export async function toPng(svg: string, scale: number): Promise<Blob> {
  const image = new Image();
  image.src = dataUrl(svg);
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.naturalWidth * scale, image.naturalHeight * scale];
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no PNG'))), 'image/png'));
}

export function dataUrl(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
