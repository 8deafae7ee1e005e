/** The complete state of the page, immutable. The parts of a `Snapshot` always belong together, even if the user has typed since. */
import type { Claim } from '../domain/claim';
import type { Notice } from '../domain/notices';
import type { ManifestModel, ManifestTask } from '../engine/manifest';
import type { BackendState, OpenModel, NodeId, Progress, RunResult, TaskInfo } from '../engine/protocol';
import type { Doc } from './document';

/** A result, with its task and document. */
export interface Snapshot {
  task: TaskInfo;
  doc: Doc;
  result: RunResult;
}

/** The hovered or focused item, shared by graph, list and panel. */
export type Hover = { kind: 'node'; node: NodeId } | { kind: 'edge'; from: NodeId; to: NodeId };

export type Phase = 'loading' | 'ready' | 'busy' | 'error';

export interface Screen {
  phase: Phase;
  /** What the user asks for, newer than `snapshot` while busy. */
  doc: Doc;
  tasks: ManifestTask[];
  /** The files of the dense twin, if there is one, and the sparse model that was trained with it, which may not be the default. */
  twin: { base: string; listed: ManifestModel } | null;
  model: OpenModel | null;
  snapshot: Snapshot | null;
  /** The snapshot in graph, list, panel and editors. It may be one frame older, so that the bars are painted first. */
  painted: Snapshot | null;
  /** Whether `snapshot` holds precomputed numbers. */
  placeholder: boolean;
  progress: Progress | null;
  backend: BackendState | null;
  /** Why the engine was restarted, or null if it was not. */
  restart: string | null;
  /** Notices about the link. */
  notices: Notice[];
  /** The numbers of the link that the page was opened with, until something changes the answer. */
  claim: Claim | null;
  /** Why the page cannot continue, or null. */
  failure: string | null;
  canUndo: boolean;
  hover: Hover | null;
  /** Controls of flips that are computed already, by what they depend on; see `flip-control.ts`. */
  controls: ReadonlyMap<string, [number, number][]>;
}
