/**
 * The document in the address bar: `#v=1&task=...&a=...&b=...&mode=...&off=N,N&set=N:V,...&scale=N:F,...&patch=N,...&offe=N:N,...&flip=1&node=N&token=T`,
 * `&list=1` where the list replaces the graph, `&all=1` where the graph has its inactive nodes too, and the backend where the user has
 * chosen one, `&backend=cpu|webgpu`; with the dense twin open `&twin=1&steer=0..1&channel=N&switch=BOUNDARY`;
 * in the tour `&tour=STEP`, with its answer `&tour=STEP.CHOICE` (1 to 3; 0: none chosen), and in present mode `&present=1`. A claim link also
 * has the probabilities that its author saw, `&claim=P:P`.
 * Whoever sends a link is not trusted: every value is checked against what the model has, a bad one is replaced by its default, and
 * a sentence says so. Unknown keys are ignored (they may come from a later version).
 */
import type { Notice } from '../domain/notices';
import type { BackendName, EdgeId, Edits, ModelInfo, Mode, NodeId } from '../engine/protocol';
import { cleanText, wellFormed } from '../domain/characters';
import { parseClaim, writeClaim, type Claim } from '../domain/claim';
import { edgeId, parseEdge, type EdgeEnds } from '../domain/edges';
import { canonicalNode, isOfHead, isRead, parseNode, type NodeAddress } from '../domain/nodes';
import { LIMIT, noEdits } from '../domain/edits';
import { isSpecial, selectedEdge, selectedHead } from '../domain/selection';
import { QUESTIONS, type Choice, type Doc, type TourDoc, type TwinDoc } from './document';

/** The tasks and nodes that a link may name. Until the model is loaded, only the syntax of nodes is checked. */
export interface Bounds {
  tasks: string[];
  model: Pick<ModelInfo, 'layers' | 'width' | 'attnWidth' | 'headWidth' | 'mlpWidth'> | null;
}

export interface Decoded {
  task: string | null;
  a: string | null;
  b: string | null;
  edits: Edits;
  /** Null: no node is open. Undefined: the link has no such key. */
  node: NodeId | null | undefined;
  token: number | null;
  list: boolean;
  all: boolean;
  twin: TwinDoc | null;
  tour: TourDoc | null;
  backend: BackendName | null;
  /** What the author of the link saw; null: the link does not say. */
  claim: Claim | null;
  /** One for each value that was replaced. */
  notices: Notice[];
}

/** The most characters of a prompt in a link, and of the same prompt when it is percent-encoded. */
const MAX_TEXT = 16_384;
const MAX_ENCODED = 32_768;
/** The most changed nodes or edges in one list of a link. */
const MAX_NODES = 256;
/** The most characters of a link. A link to whatever another link opens is shorter: two prompts, and five lists of up to 50 characters an entry. */
const MAX_HASH = 131_072;

const MODES: readonly Mode[] = ['full', 'circuit', 'removed'];

export function decode(hash: string, bounds: Bounds): Decoded {
  const notices: Notice[] = [];
  const result: Decoded = {
    task: null, a: null, b: null, edits: noEdits('full'), node: undefined, token: null, list: false, all: false, twin: null, tour: null, backend: null, claim: null, notices,
  };
  if (hash.length > MAX_HASH) {
    notices.push({ kind: 'link-long' });
    return result;
  }
  const fields = split(hash.replace(/^#/, ''), notices);

  const version = fields.get('v');
  if (version !== undefined && version !== '1') {
    notices.push({ kind: 'link-version', value: version });
    return result;
  }

  const task = fields.get('task');
  if (task !== undefined) {
    if (bounds.tasks.includes(task)) result.task = task;
    else notices.push({ kind: 'link-task', value: task });
  }
  for (const key of ['a', 'b'] as const) {
    const text = fields.get(key);
    if (text === undefined) continue;
    const clean = cleanText(text);
    const fitting = cut(clean);
    result[key] = fitting;
    if (fitting.length < clean.length) notices.push({ kind: 'link-cut', prompt: key, characters: fitting.length });
  }
  const mode = fields.get('mode');
  if (mode !== undefined) {
    const known = MODES.find((name) => name === mode);
    if (known) result.edits.mode = known;
    else notices.push({ kind: 'link-mode', value: mode });
  }
  result.edits.flip = flag(fields, 'flip', notices);
  result.list = flag(fields, 'list', notices);
  result.all = flag(fields, 'all', notices);

  result.edits.off = nodes(fields.get('off'), 'off', bounds, notices);
  result.edits.patch = nodes(fields.get('patch'), 'patch', bounds, notices);
  result.edits.set = numbers(fields.get('set'), 'set', bounds, notices);
  result.edits.scale = numbers(fields.get('scale'), 'scale', bounds, notices);
  result.edits.offEdges = edges(fields.get('offe'), 'offe', bounds, notices);

  const node = fields.get('node');
  if (node === '') result.node = null;
  else if (node !== undefined) {
    const edge = selectedEdge(node);
    if (selectable(node, bounds)) result.node = edge ? edgeId(edge) : isSpecial(node) ? node : canonicalNode(node)!;
    else notices.push({ kind: 'link-node', value: node });
  }
  const token = fields.get('token');
  if (token !== undefined) {
    if (/^\d{1,5}$/.test(token)) result.token = Number(token);
    else notices.push({ kind: 'link-token', value: token });
  }
  result.twin = twin(fields, result.edits.flip, bounds, notices);
  result.tour = tour(fields, notices);
  const backend = fields.get('backend');
  if (backend === 'cpu' || backend === 'webgpu') result.backend = backend;
  else if (backend !== undefined) notices.push({ kind: 'link-backend', value: backend });
  const claim = fields.get('claim');
  if (claim !== undefined) {
    result.claim = parseClaim(claim);
    if (!result.claim) notices.push({ kind: 'link-claim', value: claim });
  }
  return result;
}

export function encode(doc: Doc, backend: BackendName | null = null, claim: Claim | null = null): string {
  const parts: string[] = ['v=1'];
  const put = (key: string, value: string) => parts.push(`${key}=${value}`);
  const { edits } = doc;
  put('task', escape(doc.task));
  put('a', escape(doc.a));
  if (doc.b !== null) put('b', escape(doc.b));
  put('mode', edits.mode);
  const list = (key: string, names: NodeId[]) => names.length > 0 && put(key, names.map(escape).join(','));
  const record = (key: string, values: Record<NodeId, number>) => {
    const entries = Object.entries(values);
    if (entries.length > 0) put(key, entries.map(([node, value]) => `${escape(node)}:${shortest(value)}`).join(','));
  };
  list('off', edits.off);
  record('set', edits.set);
  record('scale', edits.scale);
  list('patch', edits.patch);
  list('offe', edits.offEdges);
  if (edits.flip) put('flip', '1');
  put('node', doc.node === null ? '' : escape(doc.node));
  if (doc.token !== null) put('token', String(doc.token));
  if (doc.list) put('list', '1');
  if (doc.all) put('all', '1');
  if (doc.twin) {
    put('twin', '1');
    put('steer', shortest(doc.twin.steer));
    if (doc.twin.channel !== null) put('channel', escape(doc.twin.channel));
    if (doc.twin.boundary !== null) put('switch', String(doc.twin.boundary));
  }
  if (doc.tour) {
    const { step, shown, choice, present } = doc.tour;
    if (step > 0) put('tour', shown ? `${step}.${choice === null ? 0 : choice + 1}` : String(step));
    if (present) put('present', '1');
  }
  if (backend !== null) put('backend', backend);
  if (claim !== null) put('claim', writeClaim(claim));
  return `#${parts.join('&')}`;
}

/** `KEY=1`; anything else but `0` and nothing gives a notice. */
function flag(fields: Map<string, string>, key: 'flip' | 'list' | 'all' | 'twin' | 'present', notices: Notice[]): boolean {
  const value = fields.get(key);
  if (value !== undefined && value !== '' && value !== '0' && value !== '1') notices.push({ kind: 'link-flag', key, value });
  return value === '1';
}

function twin(fields: Map<string, string>, flip: boolean, bounds: Bounds, notices: Notice[]): TwinDoc | null {
  if (!flag(fields, 'twin', notices)) return null;
  const result: TwinDoc = { steer: flip ? 1 : 0, channel: null, boundary: null };
  const steer = fields.get('steer');
  if (steer !== undefined) {
    if (/^(\d+\.?\d*|\.\d+)(e-\d{1,3})?$/i.test(steer) && Number(steer) <= 1) result.steer = rounded(Number(steer));
    else notices.push({ kind: 'link-steer', value: steer });
  }
  const channel = fields.get('channel');
  if (channel !== undefined && channel !== '') {
    if (exists(channel, bounds) && isRead(addressOf(channel)!.site)) result.channel = canonicalNode(channel)!;
    else notices.push({ kind: 'link-channel', value: channel });
  }
  const boundary = fields.get('switch');
  if (boundary !== undefined && boundary !== '') {
    if (/^\d{1,3}$/.test(boundary) && (!bounds.model || Number(boundary) <= 2 * bounds.model.layers)) result.boundary = Number(boundary);
    else notices.push({ kind: 'link-switch', value: boundary });
  }
  return result;
}

function tour(fields: Map<string, string>, notices: Notice[]): TourDoc | null {
  const present = flag(fields, 'present', notices);
  const text = fields.get('tour') ?? '';
  const [, step, choice] = /^([1-9])(?:\.([0-3]))?$/.exec(text) ?? [];
  const last = choice === undefined ? QUESTIONS + 1 : QUESTIONS;
  if (step !== undefined && Number(step) <= last) {
    return { step: Number(step), shown: choice !== undefined, choice: Number(choice ?? 0) > 0 ? ((Number(choice) - 1) as Choice) : null, present };
  }
  if (text !== '') notices.push({ kind: 'link-tour', value: text });
  return present ? { step: 0, shown: false, choice: null, present } : null;
}

/** Percent-encodes for a fragment, quotes and brackets too, so that links work in mail and chat. */
function escape(text: string): string {
  return encodeURIComponent(wellFormed(text)).replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The start of a text, as long as a link may hold, without half a character at its end. */
function cut(text: string): string {
  if (text.length <= MAX_TEXT && escape(text).length <= MAX_ENCODED) return text;
  let [length, encoded] = [0, 0];
  for (const character of text) {
    encoded += escape(character).length;
    if (length + character.length > MAX_TEXT || encoded > MAX_ENCODED) break;
    length += character.length;
  }
  return text.slice(0, length);
}

/** The number as a link holds it: seven digits, and no minus before a zero. */
function rounded(value: number): number {
  return Number(value.toPrecision(7)) + 0;
}

function shortest(value: number): string {
  return String(rounded(value));
}

function split(text: string, notices: Notice[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of text.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    if (at < 0) continue;
    const key = part.slice(0, at);
    try {
      if (!fields.has(key)) fields.set(key, decodeURIComponent(part.slice(at + 1).replace(/\+/g, '%20')));
    } catch {
      notices.push({ kind: 'link-encoding', key });
    }
  }
  return fields;
}

/** The node of a link, which may be written with leading zeros. */
function addressOf(node: string): NodeAddress | null {
  return parseNode(canonicalNode(node) ?? '');
}

function exists(node: string, bounds: Bounds): boolean {
  const address = addressOf(node);
  if (!address) return false;
  const { model } = bounds;
  if (!model) return true;
  const width = isOfHead(address.site) ? model.attnWidth : address.site === 'mlp.post_act' ? model.mlpWidth : model.width;
  return address.layer < model.layers && address.index < width;
}

/** Whether both ends of an edge exist. */
function joins({ from, to }: EdgeEnds, bounds: Bounds): boolean {
  return exists(from, bounds) && (to.startsWith('logit') || exists(to, bounds));
}

/** Whether the panel can show it: a node, an edge, a logit, a head or the embedding. */
function selectable(selection: string, bounds: Bounds): boolean {
  const edge = selectedEdge(selection);
  if (edge) return joins(edge, bounds);
  const head = selectedHead(selection);
  if (!head) return isSpecial(selection) || exists(selection, bounds);
  const { model } = bounds;
  return !model || (head[0] < model.layers && head[1] < model.attnWidth / model.headWidth);
}

function nodes(text: string | undefined, key: string, bounds: Bounds, notices: Notice[]): NodeId[] {
  const [kept, bad] = names(text, (node) => (exists(node, bounds) ? canonicalNode(node) : null));
  complain(key, bad, null, notices);
  return kept;
}

function edges(text: string | undefined, key: string, bounds: Bounds, notices: Notice[]): EdgeId[] {
  const [kept, bad] = names(text, (edge) => {
    const ends = parseEdge(edge);
    return ends && joins(ends, bounds) ? edgeId(ends) : null;
  });
  const [value] = bad;
  if (value !== undefined) notices.push({ kind: 'link-edges', key, value, more: bad.length - 1 });
  return kept;
}

/** The names of a list, each once and in one spelling, and the texts that `read` does not know or that are too many. */
function names<Name extends string>(text: string | undefined, read: (text: string) => Name | null): [Name[], string[]] {
  const kept: Name[] = [];
  const bad: string[] = [];
  for (const part of text ? text.split(',') : []) {
    const name = read(part);
    if (name !== null && kept.includes(name)) continue;
    if (name !== null && kept.length < MAX_NODES) kept.push(name);
    else bad.push(part);
  }
  return [kept, bad];
}

function numbers(text: string | undefined, key: string, bounds: Bounds, notices: Notice[]): Record<NodeId, number> {
  if (!text) return {};
  const kept: Record<NodeId, number> = {};
  const bad: string[] = [];
  for (const entry of text.split(',')) {
    const [node = '', number = '', rest] = entry.split(':');
    const value = Number(number);
    const fine = rest === undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(number) && Math.abs(value) <= LIMIT;
    if (fine && Object.keys(kept).length < MAX_NODES && exists(node, bounds)) kept[canonicalNode(node)!] = rounded(value);
    else bad.push(entry);
  }
  complain(key, bad, LIMIT, notices);
  return kept;
}

function complain(key: string, bad: string[], limit: number | null, notices: Notice[]): void {
  const [value] = bad;
  if (value !== undefined) notices.push({ kind: 'link-nodes', key, value, more: bad.length - 1, limit });
}
