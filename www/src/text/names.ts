/** Plain names of nodes, of places in the model and of tokens. */
import { segments, type Segment } from '../domain/segments';
import { findNode, isRead, isResidual, type NodePlace } from '../domain/nodes';
import { selectedLogit } from '../domain/selection';
import type { CircuitInfo, NodeId, NodeInfo, Prompt, SiteName, Target } from '../engine/protocol';
import { nodes as text } from './en';
import { showToken } from './format';

/** What a node is, in one word: read, write, neuron, query, key, value. */
export function kind(site: SiteName): string {
  return text.kinds[site];
}

/** The label where it is a name. */
export function givenName({ label }: Pick<NodeInfo, 'label'>): string | null {
  return label?.kind === 'name' ? label.text : null;
}

type Named = Pick<NodeInfo, 'site' | 'index' | 'label' | 'head' | 'channel'>;

/** `quote detector`, or a name made from the place: `neuron 863`, `read 17`, `key 1.3`. The drawing shows the layer. */
export function nameOf(info: Named): string {
  const given = givenName(info);
  if (given) return given;
  const what = kind(info.site);
  if (info.head !== undefined && info.channel !== undefined) return text.ofHead(what, info.head, info.channel);
  return text.plain(what, info.index);
}

/** The same with the layer, where nothing else shows it: `L1 key 4.6`, `L0 MLP write 57`. */
export function placedName(info: Named & Pick<NodeInfo, 'layer'>): string {
  const given = givenName(info);
  if (given) return given;
  const block = isResidual(info.site) && info.site.startsWith('mlp') ? text.mlp : null;
  return text.placed(info.layer, block, nameOf(info));
}

/** A name for a title and, with its layer, for a sentence: `quote detector`, `layer 1's write to channel 125`. */
export function longName(info: Pick<NodeInfo, 'site' | 'index' | 'label' | 'head' | 'channel' | 'layer'>, layer = true): string {
  const given = givenName(info);
  if (given) return given;
  const name = isRead(info.site) ? text.read(info.index) : isResidual(info.site) ? text.write(info.index) : nameOf(info);
  return layer ? text.inLayer(info.layer, name) : name;
}

/** The short name, with its layer, of any node of the model; those of the circuit by their label. */
export function nameOfId(circuit: CircuitInfo, node: NodeId, headWidth: number): string {
  const info = findNode(circuit, node, headWidth);
  return info ? placedName(info) : node;
}

/** The same of what an edge leads to: a node or the logit of a candidate. */
export function nameOfTarget(circuit: CircuitInfo, target: Target, headWidth: number, candidates: [string, string]): string {
  const candidate = selectedLogit(target);
  return candidate === null ? nameOfId(circuit, target, headWidth) : text.logit(showToken(candidates[candidate]));
}

/** `neuron, layer 0 MLP`; `key channel 3 of head 1, layer 1 attention`; `residual stream, layer 0 MLP`. */
export function placeOf(info: NodePlace): string {
  const { site, layer, head, channel } = info;
  if (isResidual(site)) return text.inStream(layer, site);
  if (head !== undefined && channel !== undefined) return text.channelOfHead(kind(site), channel, head, layer, site);
  return text.inBlock(kind(site), layer, site);
}

/** The name of a token of a prompt: its text, or where one character is split into several tokens, `🙂¹⁄₄` for the first of four. */
export function tokenName(prompt: Prompt, index: number): string {
  const names = known.get(prompt) ?? tokenNames(prompt);
  known.set(prompt, names);
  return names[index] ?? showToken('');
}

const known = new WeakMap<Prompt, string[]>();

function tokenNames(prompt: Prompt): string[] {
  const names = prompt.tokens.map((token) => showToken(token.text));
  if (!names.some((name) => name.includes('\uFFFD'))) return names;
  for (const segment of segments(prompt.text, prompt)) {
    for (const { text, tokens } of characters(segment)) {
      tokens.forEach((token, index) => (names[token] = tokens.length === 1 ? showToken(text) : `${visible(text)}${part(index + 1, tokens.length)}`));
    }
  }
  return names;
}

/** Neighbouring characters whose tokens are single bytes, one by one. */
function characters(segment: Segment): Segment[] {
  const all = [...segment.text].map((text) => ({ text, bytes: bytesOf(text.codePointAt(0)!) }));
  if (all.reduce((sum, one) => sum + one.bytes, 0) !== segment.tokens.length) return [segment];
  let at = 0;
  return all.map(({ text, bytes }) => ({ text, tokens: segment.tokens.slice(at, (at += bytes)) }));
}

/** Bytes of a character in UTF-8. */
function bytesOf(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** A character as it can be seen: a code where it is blank, on a circle where it is a mark on another one. */
function visible(text: string): string {
  const [first = '', ...more] = text;
  if (more.length > 2) return `${first}…`;
  if (/^[\p{C}\p{Z}]$/u.test(text)) return `U+${text.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  return /^\p{M}/u.test(text) ? `◌${text}` : text;
}

/** `¹⁄₄`. */
function part(index: number, of: number): string {
  const digits = (number: number, signs: string) => String(number).replace(/\d/g, (digit) => signs[Number(digit)]!);
  return `${digits(index, '⁰¹²³⁴⁵⁶⁷⁸⁹')}⁄${digits(of, '₀₁₂₃₄₅₆₇₈₉')}`;
}

/** The name of each example is its last line. If several examples share it, the nearest earlier line that makes it unique is added. */
export function exampleNames(texts: string[]): string[] {
  const all = texts.map((text) => text.trimEnd().split('\n').map((line) => line.trim()).reverse());
  return all.map((lines) => {
    const alone = (count: number) => all.filter((other) => lines.slice(0, count).every((line, index) => line === other[index])).length === 1;
    const distinct = lines.findIndex((_, index) => alone(index + 1));
    return distinct > 0 ? `${lines[distinct]} … ${lines[0]}` : lines[0]!;
  });
}
