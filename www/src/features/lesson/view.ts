/** What the tour and present mode have in common: the place in the questions, and the steps from it. */
import { property } from 'lit/decorators.js';
import { keepView, QUESTIONS, withTour, type Choice, type TourDoc } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Snapshot } from '../../state/screen';
import type { OpenModel } from '../../engine/protocol';
import { Light } from '../common/light';
import { matches, sceneOf, type Scene } from './steps';

/** Whether the question is open, its answer is computed or shown, or the user has changed something else. */
export type Stage = 'asked' | 'waiting' | 'answered' | 'changed';

/** What a question needs of the screen. */
export interface Place {
  tour: TourDoc;
  snapshot: Snapshot;
  model: OpenModel;
  /** Null before the first question and after the last one. */
  scene: Scene | null;
  stage: Stage;
}

/** Goes to a step of the tour. The document is what the page shows before the answer. */
export function goTo(playground: Playground, step: number, present: boolean): void {
  const { doc, snapshot } = playground.screen;
  if (!snapshot || step < 0 || step > QUESTIONS + 1) return;
  const scene = sceneOf(step, snapshot.task);
  const next = scene ? keepView(doc, scene.before) : doc;
  playground.change(withTour(next, { step, shown: false, choice: null, present }), '', true);
}

export abstract class LessonView extends Light {
  @property({ attribute: false }) playground!: Playground;
  private unsubscribe: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.unsubscribe = this.playground.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unsubscribe?.();
  }

  /** Null while the tour is closed or another task loads. */
  protected get place(): Place | null {
    const { doc, snapshot, placeholder, model } = this.playground.screen;
    const { tour } = doc;
    if (!tour || !snapshot || placeholder || !model || snapshot.task.name !== doc.task) return null;
    const scene = sceneOf(tour.step, snapshot.task);
    const stage = (): Stage => {
      if (!scene) return 'asked';
      if (!tour.shown) return matches(doc, scene.before) ? 'asked' : 'changed';
      if (!matches(doc, scene.after)) return 'changed';
      return matches(snapshot.doc, scene.after) ? 'answered' : 'waiting';
    };
    return { tour, snapshot, model, scene, stage: stage() };
  }

  protected go(step: number): void {
    const { tour } = this.playground.screen.doc;
    if (tour) goTo(this.playground, step, tour.present);
  }

  /** Shows the answer of the question. */
  protected show(choice: Choice | null): void {
    const { place, playground } = this;
    if (!place?.scene) return;
    playground.change(withTour(keepView(playground.screen.doc, place.scene.after), { ...place.tour, shown: true, choice }), '');
  }
}
