/** Plain names of nodes and of places in the model, and how tokens are written. */
import { findNode, isResidual, type NodePlace } from '../domain/nodes';
import type { CircuitInfo, NodeId, NodeInfo } from '../engine/protocol';

const KIND: Record<string, string> = {
  'attn.act_in': 'read',
  'attn.q': 'query',
  'attn.k': 'key',
  'attn.v': 'value',
  'attn.resid_delta': 'write',
  'mlp.act_in': 'read',
  'mlp.post_act': 'neuron',
  'mlp.resid_delta': 'write',
};

/** What a node is, in one word: read, write, neuron, query, key, value. */
export function kind(site: string): string {
  return KIND[site] ?? 'node';
}

/**
 * A label is a name (`quote detector`) or, made by a measurement, a kind with what the node does: `neuron: rises on ('`. The second
 * is no name; this gives what follows the colon.
 */
export function doingOf(info: Pick<NodeInfo, 'label' | 'site'>): string {
  const { label } = info;
  return label?.startsWith(`${kind(info.site)}: `) ? label.slice(label.indexOf(': ') + 2) : '';
}

/** The label where it is a name. */
export function givenName(info: Pick<NodeInfo, 'label' | 'site'>): string | null {
  const { label } = info;
  return label && label !== kind(info.site) && doingOf(info) === '' ? label : null;
}

/** `quote detector`, or a name made from the place: `neuron 863`, `read ch 17`, `key 1.3`. */
export function nameOf(info: Pick<NodeInfo, 'site' | 'index' | 'label' | 'head' | 'channel'>): string {
  const given = givenName(info);
  if (given) return given;
  const what = kind(info.site);
  if (isResidual(info.site)) return `${what} ch${'\u00a0'}${info.index}`;
  if (info.head !== undefined && info.channel !== undefined) return `${what} ${info.head}.${info.channel}`;
  return `${what} ${info.index}`;
}

/** A name for a title and, with its layer, for a sentence: `quote detector`, `layer 1's write to channel 125`. */
export function longName(info: Pick<NodeInfo, 'site' | 'index' | 'label' | 'head' | 'channel' | 'layer'>, layer = true): string {
  const given = givenName(info);
  if (given) return given;
  const name = info.site.endsWith('act_in') ? `read of channel ${info.index}` : info.site.endsWith('resid_delta') ? `write to channel ${info.index}` : nameOf(info);
  return layer ? `layer ${info.layer}'s ${name}` : name;
}

/** The name of any node of the model; those of the circuit by their label. */
export function nameOfId(circuit: CircuitInfo, node: NodeId, headWidth: number): string {
  const info = findNode(circuit, node, headWidth);
  return info ? nameOf(info) : node;
}

/** `neuron, layer 0 MLP`; `key channel 3 of head 1, layer 1 attention`; `residual stream, layer 0 MLP`. */
export function placeOf(info: NodePlace): string {
  const block = `layer ${info.layer} ${info.site.startsWith('attn') ? 'attention' : 'MLP'}`;
  if (isResidual(info.site)) return `residual stream, ${block}`;
  if (info.head !== undefined) return `${kind(info.site)} channel ${info.channel} of head ${info.head}, ${block}`;
  return `${kind(info.site)}, ${block}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A token as a chip shows it: spaces as middle dots, line ends as arrows, what is not a character as its replacement. */
export function showToken(text: string): string {
  return text.replace(/ /g, '·').replace(/\t/g, '⇥').replace(/\r?\n|\r/g, '⏎') || '∅';
}

/** A token inside a sentence or as a candidate: without the white space around it, if there is more to it. */
export function sayToken(text: string): string {
  const trimmed = text.trim();
  return trimmed === '' ? showToken(text) : trimmed.replace(/[\r\n]+/g, '⏎').replace(/\t/g, '⇥');
}

/** White space in words: `4 spaces`, `a line end and a tab`; null where a text is more than white space. */
export function sayBlank(text: string): string | null {
  if (text === '' || /\S/.test(text)) return null;
  const runs = text.replace(/\r\n?/g, '\n').match(/ +|\t+|\n+|[^ \t\n]+/g)!;
  const name: Record<string, string> = { ' ': 'space', '\t': 'tab', '\n': 'line end' };
  return runs.map((run) => (run.length === 1 ? `a ${name[run] ?? 'blank'}` : `${run.length} ${name[run[0]!] ?? 'blank'}s`)).join(' and ');
}

/** Examples by their last lines; where those are alike, with the nearest line before that tells one from all others. */
export function exampleNames(texts: string[]): string[] {
  const all = texts.map((text) => text.trimEnd().split('\n').map((line) => line.trim()).reverse());
  return all.map((lines) => {
    const alone = (count: number) => all.filter((other) => lines.slice(0, count).every((line, index) => line === other[index])).length === 1;
    const telling = lines.findIndex((_, index) => alone(index + 1));
    return telling > 0 ? `${lines[telling]} … ${lines[0]}` : lines[0]!;
  });
}
