/** Everything on the page at one moment. Immutable; the parts of a `Snapshot` belong together, whatever has been typed since. */
import type { Notice } from '../domain/notices';
import type { ManifestModel, ManifestTask } from '../engine/manifest';
import type { BackendState, OpenModel, NodeId, Progress, RunResult, TaskInfo } from '../engine/protocol';
import type { Doc } from './document';

/** Numbers with the task and the document that they belong to. */
export interface Snapshot {
  task: TaskInfo;
  doc: Doc;
  result: RunResult;
}

/** What the pointer or the keyboard is on; the same in graph, list and panel. */
export type Hover = { kind: 'node'; node: NodeId } | { kind: 'edge'; from: NodeId; to: NodeId };

export type Phase = 'loading' | 'ready' | 'busy' | 'error';

export interface Screen {
  phase: Phase;
  /** What the user asks for, newer than `snapshot` while busy. */
  doc: Doc;
  tasks: ManifestTask[];
  /** Where the dense twin's files lie, if there is one, and the sparse model that was trained beside it: another one than the default, perhaps. */
  twin: { base: string; listed: ManifestModel } | null;
  model: OpenModel | null;
  snapshot: Snapshot | null;
  /** The numbers before the last change, drawn as outlines. */
  previous: Snapshot | null;
  /** What graph, list, panel and editors show: the same two, or for the length of a frame older ones, so that the bars come first. */
  painted: { snapshot: Snapshot | null; previous: Snapshot | null };
  /** Whether `snapshot` holds precomputed numbers. */
  placeholder: boolean;
  progress: Progress | null;
  backend: BackendState | null;
  /** Why the engine was restarted, or null if it was not. */
  restart: string | null;
  /** What is odd about the link. */
  notices: Notice[];
  /** Why the page cannot go on, or null. */
  failure: string | null;
  canUndo: boolean;
  hover: Hover | null;
  /** The graph's twin. */
  view: 'graph' | 'list';
}
