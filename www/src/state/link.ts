/** Makes documents from links. A link has a part of a document; the rest comes from the task's first preset. */
import { noEdits } from '../domain/edits';
import type { TaskInfo } from '../engine/protocol';
import { opening, type Doc } from './document';
import type { Decoded } from './url';

/** The document that a link describes. */
export function docOf(link: Decoded, task: { name: string; presets: TaskInfo['presets'] }): Doc {
  return {
    task: task.name,
    a: link.a ?? task.presets[0]!.a.text,
    b: link.b,
    edits: link.edits,
    node: link.node ?? null,
    token: link.token,
    list: link.list,
    all: link.all,
    twin: link.twin,
    tour: link.tour,
  };
}

/**
 * The user's changes since a link was first read, on top of the same link checked against the model. `first` is the document of the
 * unchecked link; where `changed` is equal to it, the user has changed nothing and the checked value counts.
 */
export function keepChanges(changed: Doc, first: Doc, checked: Doc): Doc {
  const same = (key: keyof Doc) => JSON.stringify(changed[key]) === JSON.stringify(first[key]);
  return {
    ...changed,
    edits: same('edits') ? checked.edits : changed.edits,
    node: same('node') ? checked.node : changed.node,
    twin: same('twin') ? checked.twin : changed.twin,
  };
}

/** The same link for another model: nodes and numbers belong to one model, so they are left out. */
export function forOtherModel(link: Decoded): Decoded {
  return { ...link, edits: { ...noEdits(link.edits.mode), flip: link.edits.flip }, node: undefined, token: null, claim: null };
}

/** Whether a link describes the default page. */
export function isDefault(link: Decoded): boolean {
  return link.a === null && link.b === null && link.token === null && (link.node === undefined || link.node === null)
    && JSON.stringify(link.edits) === JSON.stringify(opening('', '', null).edits);
}
