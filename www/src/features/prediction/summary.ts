/** The one sentence under the bars: what the model does here, or what the last change did. */
import { signalOf } from '../../domain/flow';
import { findNode } from '../../domain/nodes';
import { changedNodes, changeOf, flipActs } from '../../domain/edits';
import type { Numbers } from '../../state/screen';
import type { NodeId } from '../../engine/protocol';
import { contrast, type Contrast } from '../../text/contrast';
import { capital, longName, sayToken } from '../../text/names';
import { decimalsFor, percent, plain, signed } from '../../text/format';
import type { Piece } from '../../text/rich-text';

/** What changed between two runs on the same text; without one before, what there is to see. */
export function said(numbers: Numbers, previous: Numbers | null, headWidth: number): Piece[] {
  return previous ? changed(previous, numbers, headWidth) : seen(numbers);
}

/** Below this share of the whole vocabulary neither candidate counts as likely, unless one is among the top five. */
const LIKELY = 0.01;

export function unlikely(numbers: Numbers): boolean {
  const { pFull, top } = numbers.shown.view;
  return pFull[0] + pFull[1] < LIKELY && !top.some((one) => numbers.task.candidateIds.includes(one.id));
}

/** Whether the vocabulary's likeliest token is another than the likelier of the two: then what is said is said of the two alone. */
function ofTheTwo(numbers: Numbers): boolean {
  const first = numbers.shown.view.top[0];
  return first !== undefined && first.id !== numbers.task.candidateIds[winner(numbers)];
}

/** From this share of the two on the model counts as having decided. */
const SURE = 0.6;

/** The likelier candidate: 0 or 1. */
export function winner(numbers: Numbers): 0 | 1 {
  return numbers.shown.view.p[1] > numbers.shown.view.p[0] ? 1 : 0;
}

function seen(numbers: Numbers): Piece[] {
  const { task, shown } = numbers;
  const best = winner(numbers);
  const expects: Piece[] = [{ code: sayToken(task.candidates[best]) }, ` (${percent(shown.view.p[best])})`];
  const changes = changedNodes(shown.edits).length;
  const flipped = flipActs(shown.edits);
  if (flipped || changes > 0) {
    const change = flipped ? 'the flip' : count(changes, 'changed node');
    return ['With ', change, ' the model expects ', ...expects, ofTheTwo(numbers) ? ' of the two.' : '.'];
  }
  const sees = telling(numbers);
  const two = ofTheTwo(numbers);
  const subject: Piece[] = sees ? ['The model sees ', ...sees.a] : [two ? 'Of the two, the model' : 'The model'];
  const sure = shown.view.p[best] >= SURE;
  const start: Piece[] = sure
    ? [...subject, sees ? (two ? ' and of the two expects ' : ' and expects ') : ' expects ', ...expects, '. ']
    : [...subject, sees ? ' but can hardly decide: ' : ' can hardly decide: ', ...expects, ' is barely ahead. '];
  // without the circuit its nodes are held at their means, on prompt B too
  if (!shown.b || shown.edits.mode === 'removed') return start;
  const names = flipNames(numbers);
  if (names.length === 0) return start;
  const what: Piece[] = names.length === 1 ? ['one part, ', { strong: names[0]! }, ', the value it'] : [{ strong: count(names.length, 'part') }, ` the values they`];
  return [...start, { strong: 'Flip' }, ' gives ', ...what, ' would have', ...(sees ? [' ', ...sees.b] : [' on prompt B']), '.'];
}

function changed(before: Numbers, after: Numbers, headWidth: number): Piece[] {
  const was = before.shown.edits;
  const is = after.shown.edits;
  if (was.mode !== is.mode) return [...modeWords(after), ' ', ...effect(before, after, true)];
  if (was.flip !== is.flip) return [...flipWords(before, after), ...effect(before, after, false)];
  const nodes = [...new Set([...changedNodes(was), ...changedNodes(is)])].filter(
    (node) => JSON.stringify(changeOf(was, node)) !== JSON.stringify(changeOf(is, node)));
  if (nodes.length === 1) return [...nodeWords(before, after, nodes[0]!, headWidth), ...effect(before, after, false)];
  if (nodes.length > 1) return [{ strong: capital(count(nodes.length, 'node')) }, ' changed, and ', ...effect(before, after, false)];
  return seen(after);
}

function modeWords(after: Numbers): Piece[] {
  const { mode } = after.shown.edits;
  if (mode === 'full') return ['Now the ', { strong: 'whole model' }, ' runs.'];
  if (mode === 'circuit') return ['Now ', { strong: 'only the circuit' }, ' runs; everything else is held at its mean.'];
  return ['Now the ', { strong: 'circuit is held at its mean' }, ' and everything else runs.'];
}

function flipWords(before: Numbers, after: Numbers): Piece[] {
  const names = flipNames(after);
  const subject: Piece = { strong: capital(names.length === 1 ? names[0]! : count(names.length, 'node')) };
  // held at their means in prompt B's run too
  if (after.shown.edits.mode === 'removed') return [subject, names.length === 1 ? ' stays at its mean' : ' stay at their means', ': without the circuit there is nothing to take from prompt B, and '];
  if (!after.shown.edits.flip) return [subject, names.length === 1 ? ' has its own value again' : ' have their own values again', ', and '];
  const sees = telling(after);
  const where: Piece[] = sees ? [', ', ...sees.where] : [];
  if (names.length !== 1) return [subject, ' took their values from prompt B', ...where, ', and '];
  return [subject, ' took its value from prompt B', ...where, '. ', ...moved(before, after, after.task.circuit.flipNodes[0]!, 'It'), ', and '];
}

function nodeWords(before: Numbers, after: Numbers, node: NodeId, headWidth: number): Piece[] {
  const info = findNode(after.task.circuit, node, headWidth);
  const name: Piece = { strong: capital(info ? longName(info) : node) };
  const change = changeOf(after.shown.edits, node);
  const mean = after.task.circuit.nodes.find((info) => info.node === node)?.mean;
  switch (change?.kind) {
    case 'off':
      return [name, ` is off: held at its mean${mean === undefined ? '' : `, ${signed(mean)}`}. `, ...moved(before, after, node, 'It'), ', and '];
    case 'set':
      return [name, ` is set to ${plain(change.value, decimalsFor([change.value]))} at every token, and `];
    case 'scale':
      return [name, ` is multiplied by ${plain(change.factor)}. `, ...moved(before, after, node, 'It'), ', and '];
    case 'patch':
      return [name, ' took its value from prompt B. ', ...moved(before, after, node, 'It'), ', and '];
    case undefined:
      if (flips(after, node)) return [name, " takes prompt B's value again. ", ...moved(before, after, node, 'It'), ', and '];
      return [name, ' has its own value again. ', ...moved(before, after, node, 'It'), ', and '];
  }
}

/** `It fell from +1.33 to −0.09`, at the token at which the graph reads the node. */
function moved(before: Numbers, after: Numbers, node: NodeId, subject: string): Piece[] {
  const from = signalOf(before).value.get(node);
  const to = signalOf(after).value.get(node);
  if (from === undefined || to === undefined) return [`${subject} lies outside the circuit`];
  if (signed(from) === signed(to)) return [`${subject} stays at ${signed(to)} here`];
  return [`${subject} ${to < from ? 'fell' : 'rose'} from ${signed(from)} to ${signed(to)}`];
}

/** `') rose from 2.2 % to 99.7 %`. */
function effect(before: Numbers, after: Numbers, start: boolean): Piece[] {
  const [from, to] = [before.shown.view.p, after.shown.view.p];
  const risen: 0 | 1 = to[0] > from[0] ? 0 : 1;
  if (percent(from[risen]) === percent(to[risen])) {
    return [start ? 'The two chances stay as they were, ' : 'the two chances stay as they were, ', { strong: percent(to[winner(after)]) }, ' for ', { code: sayToken(after.task.candidates[winner(after)]) }, '.'];
  }
  return [{ code: sayToken(after.task.candidates[risen]) }, ' rose from ', { strong: percent(from[risen]) }, ' to ', { strong: percent(to[risen]) }, '.'];
}

function flipNames(numbers: Numbers): string[] {
  const { circuit } = numbers.task;
  return circuit.flipNodes.map((node) => {
    const info = circuit.nodes.find((one) => one.node === node);
    return info ? longName(info) : node;
  });
}

/** Whether Flip gives this node its value. */
export function flips(numbers: Numbers, node: NodeId): boolean {
  const { edits } = numbers.shown;
  return flipActs(edits) && numbers.task.circuit.flipNodes.includes(node);
}

/** In what the two prompts differ, where it can be said in a word. */
function telling(numbers: Numbers): Contrast | null {
  const { a, b } = numbers.shown;
  return b && contrast(a, b);
}

function count(number: number, noun: string): string {
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
  return `${words[number] ?? number} ${noun}${number === 1 ? '' : 's'}`;
}
