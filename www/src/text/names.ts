/** Plain names of nodes and of places in the model, and how tokens are written. */
import type { CircuitInfo, NodeId, NodeInfo } from '../engine/protocol';

export interface NodeAddress {
  hook: string;
  layer: number;
  site: string;
  index: number;
}

const NODE = /^(\d{1,3})\.(attn\.(?:act_in|q|k|v|resid_delta)|mlp\.(?:act_in|post_act|resid_delta))\.(\d{1,6})$/;

/** Takes `0.mlp.post_act.863` apart; null where it is not a node's name. */
export function parseNode(text: string): NodeAddress | null {
  const match = NODE.exec(text);
  if (!match) return null;
  const [, layer, site, index] = match as unknown as [string, string, string, string];
  return { hook: `${layer}.${site}`, layer: Number(layer), site, index: Number(index) };
}

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

/** The last part of a hook's name, as the columns of the graph bear it. */
export function shortSite(site: string): string {
  return site.slice(site.indexOf('.') + 1);
}

function isResidual(site: string): boolean {
  return site.endsWith('act_in') || site.endsWith('resid_delta');
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
  const info = anyInfo(circuit, node, headWidth);
  return info ? nameOf(info) : node;
}

/** What the circuit or, outside it, the name tells of a node; null where it is no node's name. */
export function anyInfo(circuit: CircuitInfo, node: NodeId, headWidth: number): Pick<NodeInfo, 'site' | 'index' | 'label' | 'head' | 'channel' | 'layer'> | null {
  const known = circuit.nodes.find((info) => info.node === node);
  if (known) return known;
  const address = parseNode(node);
  return address ? infoOf(address, headWidth) : null;
}

/** What can be told of a node by its name alone. */
export function infoOf(address: NodeAddress, headWidth: number): Pick<NodeInfo, 'site' | 'index' | 'head' | 'channel' | 'layer'> {
  const { site, index, layer } = address;
  if (!/^attn\.[qkv]$/.test(site) || headWidth < 1) return { site, index, layer };
  return { site, index, layer, head: Math.floor(index / headWidth), channel: index % headWidth };
}

/** `neuron, layer 0 MLP`; `key channel 3 of head 1, layer 1 attention`; `residual stream, layer 0 MLP`. */
export function placeOf(info: Pick<NodeInfo, 'site' | 'index' | 'head' | 'channel' | 'layer'>): string {
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
